"""Counts against published numbers, PyTorch's own counter and closed forms."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import backbones, surgery
from lcsearch.nets.count import count

NAMES = plugins.names(plugins.BACKBONE)

DEEPER = ("resnet34", "resnet56")
"""More of the blocks that resnet18 and resnet32 have."""

IMAGE = (3, 32, 32)

# The published table, in millions, with every convolution replaced: alpha 1/2 full, and with rank 10.
PUBLISHED = {
    "base": (0.23, 0.21),
    "vgg11": (4.92, 4.65),
    "allconv": (0.74, 0.70),
    "resnet18": (6.03, 5.64),
    "resnext29": (6.48, 4.71),
    "mobilenetv2": (3.92, 1.35),
}


def build_meta(name: str, alpha: float, keep_hopeless: bool = True, **coefficients: float) -> nn.Module:
    with torch.device("meta"):
        plain = surgery.build_model(ModelSpec(name, 10, 3))
        specs = surgery.uniform(plain, "linear", alpha=alpha, **coefficients)  # type: ignore[arg-type]
        return surgery.convert(plain, specs, keep_hopeless=keep_hopeless)


def counted_by_torch(model: nn.Module, shape: tuple[int, int, int]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, *shape, device=next(model.parameters()).device))
    return counter.get_total_flops()


@pytest.mark.parametrize("name", PUBLISHED)
def test_matches_the_published_table_to_its_last_digit(name: str) -> None:
    full, rank_10 = count(build_meta(name, 0.5), IMAGE), count(build_meta(name, 0.5, rank=10), IMAGE)
    assert (round(full.params / 1e6, 2), round(rank_10.params / 1e6, 2)) == PUBLISHED[name]


@pytest.mark.parametrize(
    ("name", "rank", "params"),
    [("base", None, 227_418), ("vgg11", None, 4_922_282), ("vgg11", 10, 4_649_770)],
)
def test_matches_the_published_counts_exactly(name: str, rank: int | None, params: int) -> None:
    assert count(build_meta(name, 0.5, **({} if rank is None else {"rank": rank})), IMAGE).params == params


@pytest.mark.parametrize("name", NAMES)
def test_macs_of_plain_nets_are_half_of_torchs_flops(name: str) -> None:
    with torch.device("meta"):
        model = backbones.build(name, num_classes=10, in_channels=3)
    assert 2 * count(model, IMAGE).macs == counted_by_torch(model, IMAGE)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in DEEPER])
@pytest.mark.parametrize(
    ("alpha", "coefficients"),
    [
        (0.5, {}),
        (0.125, {"rank_ratio": 0.25}),
        (0.5, {"rank": 10}),
        (0.25, {"sparsity": 0.75}),
        (1 / 64, {}),
    ],
    ids=str,
)
def test_macs_of_compressed_nets_are_half_of_torchs_flops_of_what_is_exported(
    name: str, alpha: float, coefficients: dict[str, float]
) -> None:
    model = build_meta(name, alpha, **coefficients)
    assert 2 * count(model, IMAGE).macs == counted_by_torch(surgery.factorize(model), IMAGE)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("alpha", [0.125, 0.5, 0.9])
def test_a_linear_conv_layer_costs_what_the_closed_form_says(groups: int, alpha: float) -> None:
    layer = LinearConv2d(16, 40, (3, 5), stride=2, padding=1, groups=groups, alpha=alpha)
    p, s, filter_size, places = round(40 * alpha), 40 - round(40 * alpha), 16 // groups * 15, 8 * 7
    got = count(layer, (16, 16, 16))
    assert got.params == p * filter_size + s * p + 40
    assert got.macs == places * min(40 * filter_size, groups * p * filter_size + 40 * p)


def test_only_kept_coefficients_of_a_sparse_layer_count_however_far_it_is_pruned() -> None:
    layer = LinearConv2d(16, 40, 3, alpha=0.25, sparsity=0.8)
    whole, kept = 10 * 16 * 9 + 40, round(0.2 * 30 * 10)
    assert count(layer, (16, 8, 8)).params == whole + kept
    assert count(layer, (16, 8, 8)).layers[0].params == whole + kept
    with torch.no_grad():
        layer.coefficients.zero_()
    assert count(layer, (16, 8, 8)).params == whole + kept


class Mixed(nn.Module):
    """What thop alone gets wrong: shared modules and tensors, subclasses, own parameters, no hook."""

    class Conv(nn.Conv2d):
        """thop matches exact types only."""

    def __init__(self) -> None:
        super().__init__()
        self.one = Mixed.Conv(3, 8, 3, padding=1)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.again = nn.Sequential(self.twice)
        self.tied = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.tied.weight = self.twice.weight
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2)
        self.unused = nn.Conv2d(2, 2, 1)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.line = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.twice(self.one(x)))
        return self.line((self.up(self.norm(self.tied(x))) * self.scale).mean((2, 3)))


def test_what_thop_alone_gets_wrong() -> None:
    model, shape = Mixed(), (3, 6, 6)
    got = {row.name: (row.family, row.params, row.macs) for row in count(model, shape).layers}
    assert got == {
        "one": ("conv", 8 * 27 + 8, 36 * 8 * 27),
        "twice": ("conv", 8 * 72 + 8, 2 * 36 * 8 * 72),
        "tied": ("conv", 0, 36 * 8 * 72),
        "up": ("conv", 8 * 2 * 4 + 4, 36 * 8 * 2 * 4),
        "unused": ("conv", 6, 0),
        "line": ("dense", 25, 20),
    }
    assert count(model, shape).params == sum(parameter.numel() for parameter in model.parameters())
    assert count(model, shape).macs == sum(macs for _, _, macs in got.values())


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training: bool) -> None:
    model = surgery.convert(Mixed(), {"one": LinearSpec(0.5)}).train(training)
    before = copy.deepcopy(model.state_dict())
    ids = [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    attributes = {name: sorted(vars(module)) for name, module in model.named_modules()}
    count(model, (3, 6, 6))
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert ids == [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    assert attributes == {name: sorted(vars(module)) for name, module in model.named_modules()}
    assert model.training is training


class Overheard(nn.Module):
    """Takes what its convolution said from a hook."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(36, 5)
        self.said: list[Tensor] = []
        self.conv.register_forward_hook(lambda module, inputs, output: self.said.append(output))

    def forward(self, x: Tensor) -> Tensor:
        self.conv(x)
        return self.head(self.said.pop().flatten(1))


def test_hooks_are_part_of_the_net_that_is_counted() -> None:
    model = Overheard()
    assert count(model, (3, 5, 5)).macs == 9 * 4 * 27 + 36 * 5
    assert not model.said


class ReadsValues(nn.Module):
    """A forward that cannot run on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.last: Tensor | None = None
        self.by_size: dict[tuple[int, int], list[Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.conv(x)
        return self.last if self.last.sum().item() > 1e9 else self.conv(x)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_forward_that_reads_values_is_counted_on_the_cpu(device: str) -> None:
    with torch.device(device):
        model = ReadsValues()
    assert count(model, (3, 8, 8)).macs == 2 * 36 * 4 * 27


@pytest.mark.parametrize("kept", ["last", "by_size"])
def test_a_tensor_that_a_forward_left_behind_is_no_obstacle(kept: str) -> None:
    model = ReadsValues()
    model(torch.zeros(1, 3, 8, 8))
    model.last = model.last if kept == "last" else None
    model.by_size = {} if kept == "last" else {(8, 8): [model.conv.weight * 2]}
    assert count(model, (3, 8, 8)).macs == 2 * 36 * 4 * 27


@pytest.mark.parametrize("compute", ["weight", "feature"])
def test_a_meta_model_larger_than_any_memory_is_counted_where_it_is(
    compute: Literal["weight", "feature"],
) -> None:
    size = 2**20
    layer = LinearConv2d(size, size, 3, alpha=0.5, device="meta", compute=compute)
    assert count(layer, (size, 4, 4)).params == size // 2 * 9 * size + (size // 2) ** 2 + size


def test_half_precision_and_a_meta_default_device_count_the_same() -> None:
    model = nn.Conv2d(3, 4, 3, dtype=torch.bfloat16)
    with torch.device("meta"):
        assert count(model, (3, 8, 8)).macs == 36 * 4 * 27


@pytest.mark.parametrize(("shape", "said"), [((1, 32, 32), "1 x 32 x 32"), ((3, 0, 4), "3 x 0 x 4")])
def test_images_that_do_not_fit_are_an_input_error(shape: tuple[int, int, int], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        count(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(3600, 2)), shape)
    assert "\n" not in str(caught.value)


def _table_rows(heading: str) -> dict[str, list[str]]:
    """The rows of the first table of docs/counting.md after a text, by backbone."""
    text = (Path(__file__).parents[2] / "docs" / "counting.md").read_text().split(heading, 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]  # type: ignore[index]
    cells = [[cell.strip().replace(",", "") for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_documented_tables_are_what_is_counted(name: str) -> None:
    plain, *parameters = _table_rows("Against the published numbers")[name]
    published = [f"{value:.2f}" for value in PUBLISHED[name]] if name in PUBLISHED else ["", ""]
    assert [parameters[0], parameters[3]] == published
    counts = [
        count(build_meta(name, 0.5, keep_hopeless=keep, **rank), IMAGE)
        for rank in ({}, {"rank": 10})
        for keep in (True, False)
    ]
    assert [int(parameters[place]) for place in (1, 2, 4, 5)] == [found.params for found in counts]
    baseline = count(build_meta(name, 1.0, keep_hopeless=False), IMAGE)
    assert int(plain) == baseline.params
    macs = [f"{found.macs / 1e6:.2f}" for found in (baseline, counts[0])]
    assert _table_rows("millions of MACs")[name] == macs
    assert len({found.macs for found in counts}) == 1
