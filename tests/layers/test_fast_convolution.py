"""Which convolutions are computed by few products: seen by their rounding, which no other way has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.layers import LinearConv2d
from lcsearch.layers.fast_convolution import best_tile, fast_convolutions

LAST = torch.channels_last


def maps(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=LAST)


def filters(f: int, c: int, size: int = 3) -> Tensor:
    return torch.randn(f, c, size, size, generator=torch.Generator().manual_seed(1)) / 30


MAPS, FILTERS = maps(16, 128, 8, 8), filters(128, 128)


def is_fast(compute: Callable[[], Tensor]) -> bool:
    """Whether the context changes how something is computed, and by rounding at most."""
    expected = compute()
    with fast_convolutions(nn.Conv2d(128, 128, 3), "cpu"):
        got = compute()
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    return not torch.equal(got, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": 1},
        {},
        {"padding": "same"},
        {"padding": "valid", "bias": torch.ones(128)},
        {"padding": (1, 1), "stride": (1, 1), "dilation": (1, 1)},
        {"padding": [0, 0], "stride": [1, 1], "dilation": 1, "groups": 1},
    ],
)
def test_filters_of_three_by_three_at_step_one_are_fast(options: dict[str, object]) -> None:
    padded = options.get("padding") in (1, (1, 1), "same")
    x = MAPS if padded else maps(16, 128, 10, 10)
    assert is_fast(lambda: F.conv2d(x, FILTERS, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "weight", "options"),
    [
        (MAPS, FILTERS, {"stride": 2, "padding": 1}),
        (MAPS, FILTERS, {"stride": (1, 2), "padding": 1}),
        (MAPS, FILTERS, {"dilation": 2, "padding": 1}),
        (MAPS, FILTERS, {"padding": 2}),
        (MAPS, FILTERS, {"padding": (1, 0)}),
        (MAPS, filters(128, 64), {"groups": 2, "padding": 1}),
        (MAPS, filters(128, 128, 1), {"padding": 1}),
        (MAPS, filters(128, 128, 5), {"padding": 1}),
        (MAPS.double(), FILTERS.double(), {"padding": 1}),
        (MAPS.bfloat16(), FILTERS.bfloat16(), {"padding": 1}),
        (MAPS[0], FILTERS, {"padding": 1}),
        (MAPS[:0], FILTERS, {"padding": 1}),
        (maps(16, 16, 8, 8), filters(16, 16), {"padding": 1}),
    ],
)
def test_others_are_pytorchs(x: Tensor, weight: Tensor, options: dict[str, object]) -> None:
    assert not is_fast(lambda: F.conv2d(x, weight, **options))  # type: ignore[arg-type]


def test_modules_and_layers_of_ours_are_fast_too() -> None:
    plain, linear = nn.Conv2d(128, 128, 3, padding=1), LinearConv2d(128, 128, 3, padding=1, compute="weight")
    assert is_fast(lambda: plain(MAPS))
    assert is_fast(lambda: linear(MAPS))


def test_types_that_do_not_fit_are_refused_as_ever() -> None:
    with fast_convolutions(nn.Conv2d(128, 128, 3), "cpu"), pytest.raises(RuntimeError, match="bias"):
        F.conv2d(MAPS, FILTERS, torch.ones(128, dtype=torch.float64), padding=1)


@pytest.mark.parametrize("maps", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("biased", [True, False])
def test_autocast_is_computed_in_bfloat16(maps: torch.dtype, biased: bool) -> None:
    """Further from exact answers than PyTorch's sums, whose errors are 0.003, but by less than 0.02."""
    x, filters = MAPS.to(maps).requires_grad_(), FILTERS.detach().requires_grad_()
    bias = torch.linspace(-1, 1, 128).requires_grad_() if biased else None
    values = [x, filters] if bias is None else [x, filters, bias]
    exact = F.conv2d(x.double(), filters.double(), None if bias is None else bias.double(), padding=1)
    with fast_convolutions(nn.Conv2d(128, 128, 3), "cpu"), torch.autocast("cpu", torch.bfloat16):
        got = F.conv2d(x, filters, bias, padding=1)
    assert got.dtype == torch.bfloat16 and off(got, exact) > 0.006
    gradient = torch.randn(exact.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for value, one, other in zip(
        values,
        torch.autograd.grad(got, values, gradient.bfloat16()),
        torch.autograd.grad(exact, values, gradient),
        strict=True,
    ):
        assert one.dtype == value.dtype and off(one, other) < 0.02
    assert off(got, exact) < 0.02


def off(got: Tensor, exact: Tensor) -> float:
    """The root mean square of errors, over that of what is exact."""
    return float((got.detach().double() - exact.detach()).norm() / exact.detach().norm())


def test_other_types_of_autocast_are_left_alone() -> None:
    with torch.autocast("cpu", torch.float16):
        assert not is_fast(lambda: F.conv2d(MAPS, FILTERS, padding=1))


def test_other_devices_are_left_alone() -> None:
    with fast_convolutions(nn.Conv2d(128, 128, 3), "cpu"):
        made = F.conv2d(MAPS.to("meta").requires_grad_(), FILTERS.to("meta"), padding=1)
    assert made.grad_fn is not None and "Convolution" in made.grad_fn.name()


def test_transforms_see_a_convolution() -> None:
    def loss(x: Tensor) -> Tensor:
        return F.conv2d(x, FILTERS, padding=1).square().sum()

    assert not is_fast(lambda: torch.func.grad(loss)(MAPS))


def test_what_is_exported_or_traced_has_ordinary_convolutions() -> None:
    net = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1)).eval()
    with fast_convolutions(net, "cpu"):
        exported = torch.export.export(net, (MAPS,), strict=False)
        traced = torch.jit.trace(net, MAPS, check_trace=False)
    called = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    assert called == [torch.ops.aten.conv2d.default]
    assert "convolution" in str(traced.inlined_graph) and "bmm" not in str(traced.inlined_graph)
    assert torch.equal(exported.module()(MAPS), net(MAPS))


@pytest.mark.parametrize(
    ("net", "device"),
    [
        (nn.Conv2d(96, 96, 3), "meta"),
        (nn.Conv2d(96, 96, 3), "cuda"),
        (nn.Conv2d(96, 16, 3), "cpu"),
        (nn.Conv2d(16, 96, 3), "cpu"),
        (nn.Conv2d(96, 96, 1), "cpu"),
        (nn.Linear(96, 96), "cpu"),
        (nn.MaxPool2d((3, 3)), "cpu"),
    ],
)
def test_nothing_is_looked_at_where_nothing_can_gain(net: nn.Module, device: str) -> None:
    expected = F.conv2d(MAPS, FILTERS, padding=1)
    with fast_convolutions(nn.Sequential(net), device):
        assert torch.equal(F.conv2d(MAPS, FILTERS, padding=1), expected)


def test_contexts_within_contexts_end_with_the_last() -> None:
    net, expected = nn.Conv2d(128, 128, 3), F.conv2d(MAPS, FILTERS, padding=1)
    with fast_convolutions(net, "cpu"):
        with fast_convolutions(net, "cpu"):
            inside = F.conv2d(MAPS, FILTERS, padding=1)
        assert torch.equal(F.conv2d(MAPS, FILTERS, padding=1), inside)
    assert not torch.equal(inside, expected)
    assert torch.equal(F.conv2d(MAPS, FILTERS, padding=1), expected)


def test_the_context_ends() -> None:
    expected = F.conv2d(MAPS, FILTERS, padding=1)
    with pytest.raises(KeyError), fast_convolutions(nn.Conv2d(128, 128, 3), "cpu"):
        raise KeyError
    assert torch.equal(F.conv2d(MAPS, FILTERS, padding=1), expected)


@pytest.mark.parametrize(
    ("shape", "count", "padding", "side"),
    [
        ((64, 256, 8, 8), 256, 1, 4),  # 2.25 products a number instead of 9
        ((64, 512, 2, 2), 512, 1, 2),  # 16 for 4 numbers, where a tile of 4 x 4 takes 36
        ((64, 512, 4, 4), 512, 0, 2),
        ((64, 512, 7, 7), 512, 1, 4),
        ((64, 32, 16, 16), 32, 1, None),  # bringing numbers to tiles costs more than products save
        ((64, 512, 16, 16), 8, 1, None),
        ((1, 512, 4, 4), 512, 1, None),  # so does bringing the filters, for one image
        ((64, 84, 4, 4), 84, 1, None),  # nearly worth it
        ((64, 512, 2, 16), 512, 1, 2),  # few rows
        ((64, 512, 2, 2), 512, 0, None),  # no output
        ((64, 512, 8, 2), 512, 0, None),
        ((0, 512, 8, 8), 512, 1, None),
    ],
)
def test_sizes_decide(shape: tuple[int, ...], count: int, padding: int, side: int | None) -> None:
    assert best_tile(shape, count, padding) == side
