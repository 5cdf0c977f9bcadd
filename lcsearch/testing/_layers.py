"""What a built layer of a family must do, beside what a convolution does."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lcsearch.core.spec import LayerSpec
from lcsearch.core.text import kind_of
from lcsearch.layers.closeness import Closeness, Target
from lcsearch.layers.family import Family
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.models import family_layers
from lcsearch.layers.shape import Places
from lcsearch.nets.replaceable import shape_of
from lcsearch.nets.surgery import factorize, fold
from lcsearch.testing._expect import doing, expect

_SIDE = 9
_IMAGES = 2
_EQUAL = 1e-9
_CLOSE = 1e-2
"""Of the filters' norm, for a convolution that a layer of the family can be: fits may stop early."""


def check_layer(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec, what: str) -> None:
    """Check a layer in place of a convolution.

    Args:
        family: The family.
        conv: In float64.
        spec: Canonical, and it saves something.
        what: Names it in complaints.
    """
    torch.manual_seed(1)
    images = torch.randn(_IMAGES, conv.in_channels, _SIDE, _SIDE, dtype=torch.float64)
    net = _built(family, conv, spec, what)
    layer = _layer(net)
    expect(layer.family == family.name, f"{what} says that it is of family {layer.family!r}")
    expect(layer.shape == shape_of(conv), f"{what} stands for {layer.shape}, not {shape_of(conv)}")
    made = family.canonical(layer.shape, family.spec_of(layer))
    expect(made == spec, f"{what} says that it was made with {made}")
    _check_place(family, conv, spec, what)
    _check_start(layer, conv, what)
    _check_size(family, net, spec, what)
    _check_output(conv, net, images, what)
    _check_regularization(family, layer, what)
    _check_reading(net, conv, what)
    _check_training(net, images, what)
    _check_standard_forms(net, images, what)
    _check_copies(net, _built(family, conv, spec, what), images, what)
    _check_fit(family, net, conv, spec, what)
    _check_tie(family, conv, spec, what)


def check_bundle(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec) -> None:
    """Check that two layers of one spec, which may share tensors, are counted as they are built.

    Args:
        family: The family.
        conv: In float64.
        spec: As for `check_layer`.
    """
    convs = {"first": conv, "second": copy.deepcopy(conv)}
    shapes = dict.fromkeys(convs, shape_of(conv))
    together = {family.together(name, spec) for name in convs}
    groups = [list(convs)] if len(together) == 1 else [[name] for name in convs]
    made, said = dict[str, FamilyLayer](), 0
    for names in groups:
        with doing(f"building {len(names)} layers of {spec}"):
            made |= family.fresh_bundle({n: convs[n] for n in names}, dict.fromkeys(names, spec))
            own = family.sizes({n: shapes[n] for n in names}, dict.fromkeys(names, spec))
        said += sum(size.stored for size in own.values())
        _fit(family, {n: made[n] for n in names}, convs, f"{len(names)} layers of {spec}")
    expect(list(made) == list(convs), f"of two convolutions that become {spec}, {list(made)} did")
    stored = _stored(nn.ModuleList(made.values()))
    expect(stored == said, f"two layers of {spec} store {stored} numbers together, and sizes() says {said}")


def _built(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec, what: str) -> nn.Sequential:
    """A net of one fresh layer on the scale of its convolution."""
    with doing(f"building {what}"):
        layer = family.fresh(conv, spec)
    expect(isinstance(layer, FamilyLayer), f"{what} is {kind_of(layer)}, no FamilyLayer")
    with doing(f"match_scale() of {what}"), torch.no_grad():
        layer.match_scale(conv)
    return nn.Sequential(layer).train()


def _stored(net: nn.Module) -> int:
    """Numbers that a file must hold; what two layers share counts once."""
    seen, stored = set[Tensor](), 0
    for layer in family_layers(net).values():
        own = set(layer.parameters()) - seen
        stored += layer.size_of(own, seen).stored
        seen |= {*own, *layer.stored_buffers()}
    return stored


def _layer(net: nn.Sequential) -> FamilyLayer:
    layer = net[0]
    assert isinstance(layer, FamilyLayer)
    return layer


def _check_place(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec, what: str) -> None:
    for place in (torch.device("meta"), torch.float32):
        with doing(f"building {what} as {place}"):
            layer = family.fresh(copy.deepcopy(conv).to(place), spec)
        found = {p.device for p in layer.parameters()} | {p.dtype for p in layer.parameters()}
        expect(place in found, f"{what} is not {place} where the convolution is")


def _check_start(layer: FamilyLayer, conv: nn.Conv2d, what: str) -> None:
    made = layer.to_conv().requires_grad_(False)
    if conv.bias is not None:
        expect(
            made.bias is not None and torch.equal(made.bias, conv.bias),
            f"{what} does not start with the bias of the convolution that it replaces",
        )
    ratio = float(made.weight.std(correction=0) / conv.weight.detach().std(correction=0))
    expect(
        0.25 <= ratio <= 4,
        f"filters of {what} start {ratio:.2g} times as large as those of the convolution that it replaces",
    )


def _check_size(family: Family[Any], net: nn.Sequential, spec: LayerSpec, what: str) -> None:
    shape = _layer(net).shape
    found, stored = _stored(net), family.size(shape, spec).stored
    expect(found == stored, f"{what} stores {found} numbers, and size() says {stored}")
    image = (shape.in_channels, _SIDE, _SIDE)
    meter, standard = FlopCounterMode(display=False), factorize(net, image)
    with meter, torch.no_grad():
        output = standard(torch.zeros(1, *image, dtype=torch.float64))
    macs = family.macs(shape, spec, Places(_SIDE * _SIDE, output.shape[2] * output.shape[3]))
    counted = meter.get_total_flops() // 2
    expect(macs == counted, f"{what}: factorize() takes {counted} multiply-accumulates, macs() says {macs}")


def _check_output(conv: nn.Conv2d, net: nn.Module, images: Tensor, what: str) -> None:
    with torch.no_grad(), doing(f"running {what}"):
        shapes = [tuple(module(given).shape) for given in (images, images[0]) for module in (conv, net[0])]  # type: ignore[index]
    expect(shapes[0] == shapes[1], f"{what} gives {shapes[1]} where the convolution gives {shapes[0]}")
    expect(shapes[2] == shapes[3], f"{what} gives {shapes[3]} for one image, the convolution {shapes[2]}")


def _check_reading(net: nn.Sequential, conv: nn.Conv2d, what: str) -> None:
    """A net may read the layer, and what it is exported as, like the convolution."""
    filters = _folded(net).weight.detach()
    for form, module in (("", net[0]), ("factorize() of ", factorize(net)[0])):  # type: ignore[index]
        with doing(f"reading the weight of {form}{what}"):
            weight: Any = module.weight
        equal = weight.shape == conv.weight.shape and bool(torch.allclose(weight, filters))
        expect(equal, f"the weight of {form}{what} is not its filters")
        expect(isinstance(module, nn.Conv2d), f"{form}{what} is {kind_of(module)}, no nn.Conv2d")
    expect(_layer(net).weight.requires_grad, f"no gradient flows through the weight of {what}")


def _check_regularization(family: Family[Any], layer: FamilyLayer, what: str) -> None:
    with doing(f"regularization() of {what}"):
        losses = [family.regularization([layer], "mean"), family.regularization([layer], "sum")]
    for loss in losses:
        good = loss is None or (loss.ndim == 0 and bool(loss.isfinite()))
        expect(good, f"regularization() of {what} is {loss}; expected None or one finite number")


def _check_training(net: nn.Sequential, images: Tensor, what: str) -> None:
    """Take two steps, prune on the way, and leave the net as the end of a training does."""
    layer, own = _layer(net), set(net.parameters())
    for name in ("undecayed", "prunable"):
        expect(set(getattr(layer, name)()) <= own, f"{what}: {name}() holds what are none of its parameters")
    rate, faster = layer.faster()
    good = set(faster) <= own and math.isfinite(rate) and rate > 0
    expect(good, f"{what}: faster() is no number above 0 and some of its parameters")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    for share in (0.5, 1.0):
        optimizer.zero_grad()
        with doing(f"a training step of {what}"):
            net(images).square().mean().backward()
            optimizer.step()
        for name, parameter in layer.named_parameters():
            expect(parameter.grad is not None, f"a training step gives {name} of {what} no gradient")
        with doing(f"prune({share}) of {what}"), torch.no_grad():
            layer.prune(share)
    moved = any(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    finite = all(bool(parameter.isfinite().all()) for parameter in net.parameters())
    expect(moved and finite, f"two training steps leave {what} as it was, or not finite")


def _check_standard_forms(net: nn.Sequential, images: Tensor, what: str) -> None:
    net.eval()
    for name, form in (("to_conv()", fold), ("factorize()", factorize)):
        with torch.no_grad(), doing(f"{name} of {what}"):
            other = form(net)
            expected = net(images)
            difference = float((other(images) - expected).abs().max() / expected.abs().max())
        left = family_layers(other)
        expect(not left, f"{name} of {what} leaves a layer of lcsearch's own")
        expect(
            difference <= _EQUAL, f"{name} of {what} gives other outputs, by {difference:.1e} of the largest"
        )


def _check_copies(net: nn.Sequential, fresh: nn.Sequential, images: Tensor, what: str) -> None:
    with doing(f"loading the state of {what} into a fresh one"):
        fresh.eval().load_state_dict(net.state_dict())
    with doing(f"copying {what}"):
        copies = {
            "loaded from a state_dict": fresh,
            "copied with copy.deepcopy": copy.deepcopy(net),
            "written with pickle": pickle.loads(pickle.dumps(net)),
        }
    with torch.no_grad():
        for how, other in copies.items():
            expect(torch.equal(other(images), net(images)), f"{what}, {how}, gives other outputs")
    state = _layer(net).state_dict()
    for name, mask in _layer(net).masks().items():
        good = name in state and mask in state and state[mask].dtype == torch.bool
        expect(
            good and state[mask].shape == state[name].shape, f"{what}: masks() names {name!r} and {mask!r}"
        )
    unknown = set(_layer(net).implied()) - set(state)
    expect(not unknown, f"{what}: implied() names {unknown}, which its state_dict does not hold")


def _check_fit(family: Family[Any], net: nn.Sequential, conv: nn.Conv2d, spec: LayerSpec, what: str) -> None:
    reachable = _folded(net)
    off = _distance(_closest(family, reachable, spec, what), reachable)
    expect(off <= _CLOSE, f"the closest to a convolution that {what} can be is {off:.1%} of its norm away")
    closest = _closest(family, conv, spec, what)
    near, chance = _distance(closest, conv), _distance(reachable, conv)
    expect(
        near <= min(chance, 1.0) + _EQUAL,
        f"the closest {what} is {near:.1%} of the filters' norm away; filters of zeros would be 100.0%, "
        f"those of a layer made by chance {chance:.1%}",
    )


def _closest(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec, what: str) -> nn.Conv2d:
    net = _built(family, conv, spec, what)
    _fit(family, {"0": _layer(net)}, {"0": conv}, what)
    return _folded(net)


def _check_tie(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec, what: str) -> None:
    """Layers for convolutions of one weight have the same tensors, whatever happens to one of them."""
    lead, own = (_built(family, conv, spec, what) for _ in range(2))
    with doing(f"follow() of {what}"):
        _layer(own).follow(_layer(lead), bias=False)
    names = [name for name, _ in _layer(own).named_parameters() if name.rpartition(".")[2] != "bias"]
    one = all(_layer(own).get_parameter(name) is _layer(lead).get_parameter(name) for name in names)
    _fit(family, {"0": _layer(lead)}, {"0": conv}, what)
    same = torch.equal(_folded(own).weight, _folded(lead).weight)
    expect(one and same, f"{what} has other filters than the one that it follows: fit() must write in place")


@torch.no_grad()
def _fit(
    family: Family[Any], layers: Mapping[str, FamilyLayer], convs: Mapping[str, nn.Conv2d], what: str
) -> None:
    filters = {name: convs[name].weight.detach() for name in layers}
    targets = {name: Target(own, Closeness.by_number(own)) for name, own in filters.items()}
    with doing(f"fitting {what}"):
        family.fit_bundle(layers, targets)


def _folded(net: nn.Module) -> nn.Conv2d:
    made = fold(net)
    assert isinstance(made, nn.Sequential) and isinstance(made[0], nn.Conv2d)
    return made[0]


@torch.no_grad()
def _distance(one: nn.Conv2d, other: nn.Conv2d) -> float:
    return float((one.weight - other.weight).norm() / other.weight.norm())
