"""Replace convolutions of any module by layers of other families, and fold them back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.core.text import kind_of
from lcsearch.layers import lookup
from lcsearch.layers.banked import share_bank
from lcsearch.layers.closeness import Target
from lcsearch.layers.family import Family
from lcsearch.layers.geometry import check_conv
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.models import family_layers
from lcsearch.layers.sharing import share
from lcsearch.nets import backbones
from lcsearch.nets.channels import ChannelGroups, groups_of, thin
from lcsearch.nets.copying import copied
from lcsearch.nets.in_place import become, give_attributes, refer, take_attributes
from lcsearch.nets.places import places_of
from lcsearch.nets.replaceable import conv_layers, left_plain, shape_of, tied

__all__ = [
    "build_model",
    "compress",
    "convert",
    "factorize",
    "fold",
    "once",
    "thinned",
    "uniform",
]

_Convs = Mapping[str, nn.Conv2d]
_Finish = Callable[[Family[Any], _Convs, Mapping[str, FamilyLayer]], None]


def uniform(model: nn.Module, family: str, **numbers: Any) -> dict[str, LayerSpec]:
    """One choice for all convolutions that can be of a family.

    Args:
        model: Any module.
        family: The name of a family.
        numbers: Its options by name, as ``lcsearch profile`` takes them; for ``linear`` alpha, and rank,
            rank_ratio or sparsity. Some mean the model's weights, which then must be trained ones.

    Returns:
        Module name to spec, for ``convert``.
    """
    convs = conv_layers(model)
    shapes = {name: shape_of(conv) for name, conv in convs.items()}
    return dict(lookup.family(family).chosen_together(convs, shapes, numbers))


def convert(model: nn.Module, layers: Mapping[str, LayerSpec], *, keep_hopeless: bool = False) -> nn.Module:
    """Replace convolutions by fresh layers, in place.

    A fresh layer's filters and bias start on the scale of the convolution that it replaces, because a net
    without batch norm trains only from the start that its author gave it.

    Args:
        model: Any module, of any nesting, on any device.
        layers: Module name to what becomes of it; a convolution that is not named stays. Of convolutions that
            share their weight one name is enough: they become layers that share their tensors.
        keep_hopeless: Also build layers that save no parameters, instead of leaving them plain.

    Returns:
        The same module.

    Raises:
        InputError: A name is no convolution of the model, or a spec does not fit its convolution.
    """
    return _replace_all(model, layers, _on_scale, keep_hopeless)


def compress(model: nn.Module, layers: Mapping[str, LayerSpec], *, keep_hopeless: bool = False) -> nn.Module:
    """Replace trained convolutions by the closest layers, in place: ``convert``, but the weights are kept.

    Args:
        model: Any module with trained weights.
        layers: As for ``convert``.
        keep_hopeless: As for ``convert``.

    Raises:
        InputError: As for ``convert``.
    """
    return _replace_all(model, layers, _closest, keep_hopeless)


def build_model(spec: ModelSpec, *, keep_hopeless: bool = False, as_written: bool = False) -> nn.Module:
    """Build a backbone, thin and convert it, on the default device (the meta device costs next to nothing).

    Args:
        spec: The backbone, its layers and its channels.
        keep_hopeless: As for ``convert``.
        as_written: Leave what the net answers, and its types, as its function has them; otherwise it gives
            logits in float32.

    Raises:
        InputError: The backbone cannot be built, or the layers or channels do not fit it.
    """
    model = backbones.build(
        spec.backbone,
        num_classes=spec.num_classes,
        in_channels=spec.in_channels,
        width=spec.width,
        as_written=as_written,
    )
    if spec.channels:
        thinned(model, spec, groups_of(spec))
    return convert(model, spec.layers, keep_hopeless=keep_hopeless)


def thinned(model: nn.Module, spec: ModelSpec, groups: ChannelGroups) -> nn.Module:
    """Take the channels out of a fresh net that a spec leaves out, in place.

    Its weights keep their values but for their scale: a layer that reads fewer channels is made to answer as
    strongly as before.

    Args:
        model: The plain net.
        spec: What stays.
        groups: The net's groups of channels.

    Returns:
        The same module.

    Raises:
        InputError: A group is unknown.
    """
    return thin(model, groups, groups.kept(spec.channels), rescale=True)


def fold(model: nn.Module) -> nn.Module:
    """A copy in which every layer that took a convolution's place is the equal ``nn.Conv2d``."""
    return _unmake(model, lambda name, layer: layer.to_conv())


def factorize(model: nn.Module, image_shape: tuple[int, int, int] | None = None) -> nn.Module:
    """A copy in which every such layer is an equal module of standard layers, in its cheaper form.

    Args:
        model: Any module.
        image_shape: Channels, height and width of the images for which it is to be cheaper, where that
            depends on them; None for large images.

    Raises:
        InputError: The model does not run on such images.
    """
    places = {} if image_shape is None else places_of(model, image_shape)
    return _unmake(model, lambda name, layer: layer.factorize(places.get(name)))


def _unmake(model: nn.Module, make: Callable[[str, FamilyLayer], nn.Module]) -> nn.Module:
    copy = copied(model)
    layers = family_layers(copy)
    leads = [(layer, layer.lead) for layer in layers.values()]
    ties = [(layer, lead, _one_bias(layer, lead)) for layer, lead in leads if lead is not None]
    owners = [(layer, layer.owner) for layer in layers.values()]
    made = {name: make(name, layer).train(layer.training) for name, layer in layers.items()}
    for name, layer in layers.items():  # which others may need until all are made
        give_attributes(layer, made[name])
        become(layer, made[name])
    for own, owner in owners:
        if owner is not None:
            share_bank(own, owner)
    for own, lead, bias in ties:
        share(own, lead, bias=bias)
    return copy


def _one_bias(own: nn.Conv2d, lead: nn.Conv2d) -> bool:
    return own.bias is not None and own.bias is lead.bias


def _replace_all(
    model: nn.Module, specs: Mapping[str, LayerSpec], finish: _Finish, keep_hopeless: bool
) -> nn.Module:
    chosen, others = _chosen(model, specs, keep_hopeless), tied(model)
    for family, own in lookup.bundles({name: spec for name, (_, spec) in chosen.items()}):
        convs = {name: chosen[name][0] for name in own}
        ties = [(name, model.get_submodule(other)) for name in own for other in others.get(name, ())]
        followers = [
            (name, conv, _one_bias(conv, convs[name])) for name, conv in ties if isinstance(conv, nn.Conv2d)
        ]
        try:
            made = _made(family, convs, own, finish)
            for name, layer in made.items():
                become(convs[name], layer)
            refer({layer: convs[name] for name, layer in made.items()})
            for name, conv, bias in followers:
                layer, lead = _made(family, {name: conv}, {name: own[name]}, finish)[name], convs[name]
                assert isinstance(lead, FamilyLayer)
                layer.follow(lead, bias=bias)
                become(conv, layer)
        except (TypeError, ValueError) as error:
            raise InputError(f"layers.{next(iter(own))}: {error}") from error
    return model


def _made(
    family: Family[Any], convs: _Convs, specs: Mapping[str, LayerSpec], finish: _Finish
) -> dict[str, FamilyLayer]:
    """The layers of one bundle, ready to take the place of convolutions."""
    made = family.fresh_bundle(convs, specs)
    finish(family, convs, made)
    for name, layer in made.items():
        take_attributes(layer, convs[name])
        layer.train(convs[name].training)
    return made


def once(model: nn.Module, layers: Mapping[str, LayerSpec]) -> dict[str, LayerSpec]:
    """Specs by the names that `conv_layers` has, where they may be by any name of a convolution.

    Args:
        model: Any module.
        layers: Specs by name; convolutions that share their weight may be named each, or one of them.

    Raises:
        InputError: A name is no convolution that can be replaced, or what is one has two specs.
    """
    named = dict(model.named_modules(remove_duplicate=False))
    known = conv_layers(model)
    firsts = {conv.weight: name for name, conv in known.items()}
    seen, found = dict[str, str](), dict[str, LayerSpec]()
    for name, spec in layers.items():
        weight = dict(named[name].named_parameters(recurse=False)).get("weight") if name in named else None
        first = None if weight is None else firsts.get(weight)
        if first is None:
            raise InputError(f"layers: {_not_a_conv(name, model)}; {did_you_mean(name, known)}")
        other = seen.setdefault(first, name)
        if found.setdefault(first, spec) != spec:
            same = "are one module" if named[other] is named[name] else "share one weight"
            raise InputError(f"layers: {other!r} and {name!r} {same}, but their specs differ")
    return found


def _chosen(
    model: nn.Module, specs: Mapping[str, LayerSpec], keep_hopeless: bool
) -> dict[str, tuple[nn.Conv2d, LayerSpec]]:
    """The convolutions that do not stay plain, each once, and what becomes of them."""
    convs = conv_layers(model)
    asked = {name: spec for name, spec in once(model, specs).items() if spec.family != lookup.PLAIN}
    saving = _saving(convs, asked)
    return {name: (convs[name], spec) for name, spec in asked.items() if keep_hopeless or name in saving}


def _saving(convs: _Convs, specs: Mapping[str, LayerSpec]) -> set[str]:
    """The layers that save something; where tensors are shared, all who share them."""
    shapes, found = {name: shape_of(convs[name]) for name in specs}, set[str]()
    for family, own in lookup.bundles(specs):
        try:
            found |= family.canonicals(shapes, own).keys()
        except ValueError as error:
            raise InputError(f"layers.{next(iter(own))}: {error}") from error
    return found


def _not_a_conv(name: str, model: nn.Module) -> str:
    module = dict(model.named_modules(remove_duplicate=False)).get(name)
    if module is None:
        return f"the net has no convolution {name!r}"
    why = {model.get_submodule(left.name): left.why for left in left_plain(model)}.get(module)
    if why is not None:
        return f"{name!r} stays plain: {why}"
    return f"{name!r} is {kind_of(module)}, not a plain convolution"


@torch.no_grad()
def _on_scale(family: Family[Any], convs: _Convs, layers: Mapping[str, FamilyLayer]) -> None:
    """Bring fresh layers to the scale of the convolutions that they replace."""
    for name, layer in layers.items():
        if not convs[name].weight.is_meta:
            layer.match_scale(convs[name])


@torch.no_grad()
def _closest(family: Family[Any], convs: _Convs, layers: Mapping[str, FamilyLayer]) -> None:
    """Give layers the filters closest, number by number, to those of the convolutions that they replace."""
    targets = {}
    for name, conv in convs.items():
        check_conv(conv)
        targets[name] = Target.of(conv)
    family.fit_bundle(layers, targets)
    for name, layer in layers.items():
        layer.take_over(convs[name])
