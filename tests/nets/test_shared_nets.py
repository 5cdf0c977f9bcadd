"""Nets whose layers share filters: published sizes, counts, files, copies and standard forms."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec
from lcsearch.export.packed import pack, unpack
from lcsearch.layers import lookup, regularization
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.shared_loss import orthogonality_of
from lcsearch.nets import backbones, surgery
from lcsearch.nets.count import count
from lcsearch.nets.replaceable import conv_layers, shape_of
from lcsearch.nets.tensors import read_tensors, restore, write_state
from lcsearch.nets.thop import thop

pytestmark = pytest.mark.slow

IMAGE = (3, 12, 12)
SPECS: dict[str, LayerSpec] = {
    "1": SharedSpec("x", 6, 1), "2": SharedSpec("x", 6, 0), "3": SharedSpec("y", 5, 2),
    "4": SharedSpec("y", 5, 2), "5": SharedSpec("x", 6, 3), "0": LinearSpec(0.5),
}  # fmt: skip


def strided() -> nn.Sequential:
    """Layers of two shapes, in turn, of different strides and biases."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
        nn.Conv2d(16, 16, 3, stride=2, padding=1, padding_mode="reflect"),
        nn.Conv2d(16, 16, (3, 1), padding=(1, 0), bias=False),
        nn.Conv2d(16, 16, (3, 1), padding="same", dilation=2),
        nn.Conv2d(16, 16, 3, padding=1),
    )


def converted() -> nn.Module:
    return surgery.convert(strided(), SPECS)


@cache
def lively() -> nn.Module:
    """Trained for two steps, so that no batch norm does nothing."""
    net, x = converted(), torch.randn(8, *IMAGE)
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for _ in range(2):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    return net.eval().requires_grad_(False)


def images() -> Tensor:
    return torch.randn(4, *IMAGE, generator=torch.Generator().manual_seed(3))


def _documented() -> list[list[str]]:
    """The rows of the table of published sizes."""
    text = (
        (Path(__file__).parents[2] / "docs" / "counting.md")
        .read_text()
        .split("sizes of shared filters", 1)[1]
    )
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]  # type: ignore[index]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("backbone", "shared", "published"),
    [("resnet32", 8, 0.15), ("resnet32", 16, 0.20), ("resnet56", 8, 0.20)],
)
def test_published_sizes_come_out_as_documented(backbone: str, shared: int, published: float) -> None:
    with torch.device("meta"):
        net = backbones.build(backbone, num_classes=10, in_channels=3)
        layers = surgery.uniform(net, "shared", share_by="stage", shared=shared, unique=1)
        surgery.convert(net, layers)
    params = count(net, (3, 32, 32)).params
    assert round(params / 1e6, 2) == published
    s, u = (", ".join(str(number << stage) for stage in range(3)) for number in (shared, 1))
    assert [backbone, s, u, f"{published:.2f}", f"{params:,}"] in _documented()


def test_layers_of_a_bank_share_one_parameter_wherever_they_lie() -> None:
    net = converted()
    assert net[1].bank is net[2].shared is net[5].shared and net[3].bank is net[4].shared
    assert [name for name in net.state_dict() if "bank" in name] == ["1.bank", "3.bank"]
    assert net[5].owner is net[1], "what stands in the net, not what was put there"
    assert all(specs == SPECS[name] for name, specs in _specs(net).items())


def _specs(net: nn.Module) -> dict[str, LayerSpec]:
    return {name: lookup.family(layer.family).spec_of(layer) for name, layer in net.named_children()}


def test_a_bank_is_counted_once() -> None:
    net = converted()
    found = count(net, IMAGE)
    rows = {row.name: row.params for row in found.layers}
    own = {"1": (16 * 9, 7, 1, 0), "2": (16 * 9, 6, 0, 16), "5": (16 * 9, 9, 3, 16)}
    own |= {"3": (16 * 3, 7, 2, 0), "4": (16 * 3, 7, 2, 16)}
    for name, (numbers, filters, unique, bias) in own.items():
        bank = {"1": 6 * 16 * 9, "3": 5 * 16 * 3}.get(name, 0)
        assert rows[name] == bank + unique * numbers + filters * (16 + 2) + bias
    assert sum(rows.values()) == found.params == sum(p.numel() for p in net.parameters())
    shapes = {name: shape_of(conv) for name, conv in conv_layers(strided()).items()}
    assert {name: size.stored for name, size in lookup.sizes(shapes, SPECS).items()} == rows


@pytest.mark.parametrize("side", [12, 33])
def test_macs_are_those_that_thop_counts_in_the_exported_form(side: int) -> None:
    net, image = converted().eval(), (3, side, side)
    form = surgery.factorize(net, image)
    macs, _ = thop.profile(copy.deepcopy(form), (torch.zeros(1, *image),), verbose=False)
    assert count(net, image).macs == int(macs)


@pytest.mark.parametrize("make", [surgery.fold, surgery.factorize])
def test_standard_forms_answer_the_same(make: object) -> None:
    net = lively()
    form = make(net)  # type: ignore[operator]
    torch.testing.assert_close(form(images()), net(images()), rtol=1e-4, atol=1e-5)
    assert not any(name.endswith("bank") for name in form.state_dict())


def test_a_bank_is_exported_once() -> None:
    form = surgery.factorize(lively())
    assert form[1].shared.weight is form[2].shared.weight is form[5].shared.weight
    assert form[3].shared.weight is form[4].shared.weight is not form[1].shared.weight
    norms = sum(2 * sum(layer.counts) for layer in lively() if hasattr(layer, "counts"))
    biases = 2 * 16  # of the two layers that had none: of their batch norms
    stored = sum(parameter.numel() for parameter in form[1:].parameters())
    assert stored == sum(p.numel() for p in lively()[1:].parameters()) - norms + biases


def test_a_bank_is_saved_once_and_loaded(tmp_path: Path) -> None:
    net, path = lively(), tmp_path / "weights.safetensors"
    write_state(net.state_dict(), path)
    buffers = sum(buffer.numel() for buffer in net.buffers())
    assert sum(t.numel() for t in load_file(path).values()) == count(net, IMAGE).params + buffers
    torch.manual_seed(9)
    again = surgery.convert(strided(), SPECS).eval()
    restore(again, read_tensors(path)[0], "weights")
    assert torch.equal(again(images()), net(images()))
    tensors, table = pack(net)
    assert sum(tensor.numel() for tensor in tensors.values()) <= count(net, IMAGE).params + buffers
    other = surgery.convert(strided(), SPECS).eval()
    restore(other, unpack(tensors, table, "weights"), "weights")
    assert torch.equal(other(images()), net(images()))


def test_a_copy_of_a_net_shares_within_itself() -> None:
    net = copy.deepcopy(lively()).double()
    assert net[5].owner is net[1] and net[5].shared.dtype == torch.float64
    net[1].bank.zero_()
    assert not torch.equal(net(images().double()).float(), lively()(images()))


def test_the_loss_of_a_model_is_that_of_its_banks() -> None:
    net = surgery.convert(strided(), {name: spec for name, spec in SPECS.items() if name != "0"})
    torch.testing.assert_close(regularization(net), orthogonality_of([net[n] for n in (1, 2, 3, 4, 5)]))  # type: ignore[index]
    assert float(regularization(net).detach()) > 0


def test_trained_convolutions_keep_more_the_more_filters_they_share() -> None:
    trained, lost = strided(), []
    for shared in (2, 6, 12):
        specs = dict.fromkeys("125", SharedSpec("x", shared, 1))
        net = surgery.compress(copy.deepcopy(trained), specs, keep_hopeless=True).eval()
        off = (net(images()) - trained(images())).detach()
        lost.append(float(off.norm() / trained(images()).detach().norm()))
    assert lost[0] > lost[1] > lost[2]
    whole = surgery.compress(
        copy.deepcopy(trained), dict.fromkeys("125", SharedSpec("x", 48)), keep_hopeless=True
    )
    torch.testing.assert_close(whole.eval()(images()), trained(images()), rtol=1e-3, atol=1e-4)


def test_statistics_of_images_change_nothing_and_make_training_start_there() -> None:
    specs = dict.fromkeys("125", SharedSpec("x", 12, 1))
    net, many = surgery.compress(strided(), specs, keep_hopeless=True).eval(), torch.randn(128, *IMAGE)
    before = net(many).detach()
    reestimate(net, many)
    torch.testing.assert_close(net(many), before, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(net.train()(many), before, rtol=2e-2, atol=2e-2)


class Recurrent(nn.Module):
    """Convolutions of one weight beside one that shares filters with them."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(12, 12, 3, padding=1)
        self.wide = nn.Conv2d(12, 12, 3, padding=2, dilation=2, bias=False)
        self.down = nn.Conv2d(12, 12, 3, stride=2)
        self.wide.weight = self.near.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.near(x + self.wide(x).relu()).relu()).mean((2, 3))


@pytest.mark.parametrize("order", [("near", "down"), ("down", "near")])
def test_convolutions_of_one_weight_share_all_and_the_bank_with_others(order: tuple[str, str]) -> None:
    torch.manual_seed(0)
    net, x = (
        surgery.convert(Recurrent(), dict.fromkeys(order, SharedSpec("x", 4, 1))),
        torch.randn(2, 12, 8, 8),
    )
    assert net.near.shared is net.wide.shared is net.down.shared
    assert net.near.unique is net.wide.unique and net.near.mixing is net.wide.mixing
    net(x).square().mean().backward()
    net.double().eval()
    assert net.near.shared is net.wide.shared is net.down.shared
    each = 12 * 9 + 5 * (12 + 2) + 12
    assert count(net, (12, 8, 8)).params == 4 * 12 * 9 + 2 * each
    for form in (surgery.fold(net), surgery.factorize(net)):
        torch.testing.assert_close(form(x.double()), net(x.double()))


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (
            {"1": SharedSpec("x", 6), "3": SharedSpec("x", 6)},
            "layers.1: '3' cannot share filters with '1': its kernel is 3x1, not 3x3",
        ),
        (
            {"0": SharedSpec("x", 6), "1": SharedSpec("x", 6)},
            "layers.0: '1' cannot share filters with '0': its input channels are 16, not 3",
        ),
        (
            {"1": SharedSpec("x", 6), "2": SharedSpec("x", 7)},
            "layers.1: '2' cannot share bank 'x' with '1': its shared=7 must be 6",
        ),
        (
            {"1": SharedSpec("x", 200)},
            "layers.1: shared=200 must be in 1..144 for filters of 144 numbers",
        ),
    ],
)
@pytest.mark.parametrize("make", [surgery.convert, surgery.compress])
def test_layers_that_cannot_share_are_refused_in_one_line(
    specs: dict[str, LayerSpec], message: str, make: object
) -> None:
    with pytest.raises(InputError) as caught:
        make(strided(), specs)  # type: ignore[operator]
    assert str(caught.value) == message
