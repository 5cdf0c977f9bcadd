"""The separable layer's cost model, worked out by hand, and what it chooses of known nets' layers."""

from __future__ import annotations

import pytest
import torch

from lcsearch.layers import SeparableConv2d
from lcsearch.layers.cost import Use
from lcsearch.layers.geometry import Geometry
from lcsearch.layers.separable_cost import SeparableChooser, SeparablePlan, Task

CALL, QUICK = 4_500_000, 2_000_000
FULL, LOW = SeparablePlan(12, 32, 2, None), SeparablePlan(12, 32, 2, 5)
LARGE = SeparablePlan(12, 32, 2, None, simple=False)


def task(use: Use = "training", kernel: tuple[int, int] = (3, 3)) -> Task:
    return Task(images=10, given=36, made=9, kernel=kernel, use=use)


@pytest.mark.parametrize(
    ("plan", "task", "expected"),
    [
        # 12 channels that get a gradient cost as much as 16; two terms of 32 * 12 * 9 numbers are built.
        (FULL, task(), 90 * 32 * 16 * 9 + 5 * 2 * 32 * 12 * 9 + 2 * CALL),
        (FULL, task("images"), 90 * 32 * 12 * 9 + 5 * 2 * 32 * 12 * 9 + 2 * CALL),
        # Evaluation has its filters, and reads them.
        (FULL, task("evaluation"), 90 * 32 * 12 * 9 + 20 * 32 * 12 * 9 + QUICK),
        # Two products of 32 x 5 and 5 x 12 as well.
        (LOW, task(), 90 * 32 * 16 * 9 + 5 * 2 * 32 * 12 * 9 + 5 * 2 * 32 * 5 * 12 + 3 * CALL),
        (LOW, task("evaluation"), 90 * 32 * 12 * 9 + 20 * 32 * 12 * 9 + QUICK),
    ],
)
def test_weight_space(plan: SeparablePlan, task: Task, expected: int) -> None:
    assert plan.weight_cost(task) == expected


@pytest.mark.parametrize(
    ("plan", "task", "expected"),
    [
        # At 360 input places 64 channels are mixed of 16; at 90 output places each meets 9 numbers.
        (FULL, task(), 360 * 64 * (1.5 * 16 + 15) + 90 * 64 * 5 * 9 + 4 * CALL),
        (FULL, task("images"), 360 * 64 * (1.5 * 16 + 80) + 90 * 64 * 5 * 9 + 4 * CALL),
        (FULL, task("evaluation"), 360 * 64 * (1.5 * 16 + 5) + 90 * 64 * 45 + 20 * 64 * 12 + 4 * QUICK),
        # 5 channels cost as much as 16.
        (LOW, task(), 360 * (16 * (1.5 * 12 + 15) + 64 * (1.5 * 5 + 15)) + 90 * 64 * 5 * 9 + 5 * CALL),
        (LARGE, task(), 360 * 64 * (1.5 * 16 + 15) + 90 * 64 * 5 * 9 + 4 * CALL),
        # The gradient of 5x4 filters comes in four blocks; where they are strided, number by number.
        (FULL, task(kernel=(5, 4)), 360 * 64 * (1.5 * 16 + 15) + 90 * 64 * 5 * 20 + 10 * CALL),
        (LARGE, task(kernel=(5, 4)), 360 * 64 * (1.5 * 16 + 15) + 90 * 64 * 5 * 20 + 42 * CALL),
        (FULL, task("evaluation", (5, 4)), 360 * 64 * 29 + 90 * 64 * 5 * 20 + 20 * 64 * 12 + 4 * QUICK),
        # One number scales a channel, which is no convolution.
        (FULL, task(kernel=(1, 1)), 360 * 64 * (1.5 * 16 + 15) + 90 * 64 * 5 + 2 * CALL),
    ],
)
def test_feature_space(plan: SeparablePlan, task: Task, expected: float) -> None:
    assert plan.feature_cost(task) == expected


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (task(), 360 * 16 * (1.5 * 12 + 15) + 90 * 32 * 8 * 9 + 5 * 2 * 32 * 5 * 9 + 3 * CALL),
        # What is reduced gets a gradient even where images do not.
        (task("images"), 360 * 16 * (1.5 * 12 + 80) + 90 * 32 * 8 * 9 + 5 * 2 * 32 * 5 * 9 + 3 * CALL),
        (task("evaluation"), 360 * 16 * 23 + 90 * 32 * 5 * 9 + 20 * (5 * 12 + 32 * 5 * 9) + 2 * QUICK),
    ],
)
def test_reduced(task: Task, expected: float) -> None:
    assert LOW.reduced_cost(task) == expected


# What was measured to be fastest, clearly, of layers of vgg11 in training: batch 64, 16x16 images.
@pytest.mark.parametrize(
    ("channels", "size", "terms", "rank", "way"),
    [
        ((3, 64), 16, 1, None, "weight"),
        ((64, 128), 8, 1, None, "feature"),
        ((64, 128), 8, 3, 8, "reduced"),
        ((256, 256), 4, 1, 32, "feature"),
        ((256, 256), 4, 3, 4, "reduced"),
        ((512, 512), 2, 3, None, "feature"),
        ((512, 512), 2, 8, None, "weight"),
    ],
)
def test_layers_of_known_speed(
    channels: tuple[int, int], size: int, terms: int, rank: int | None, way: str
) -> None:
    layer = SeparableConv2d(*channels, 3, padding=1, bias=False, terms=terms, rank=rank)
    x = torch.empty(64, channels[0], size, size, device="meta", requires_grad=channels[0] != 3)
    assert layer.way(x) == way


def test_a_chooser_trims_and_counts_both_sizes() -> None:
    geometry = Geometry.checked(64, 64, 3, 2, 1, 1, 1, False, "zeros")
    chooser = SeparableChooser(1, None, geometry)
    seen: list[Task] = []

    class Told(SeparablePlan):
        def way(self, task: Task) -> str:
            seen.append(task)
            return "weight"

    chooser._plan = Told(64, 64, 1, None)
    for shape in ((7, 64, 6, 1), (7, 64, 6, 1), (7, 64, 1, 1)):
        way, trimmed = chooser.choice(shape, "training")
        assert way == "weight" and trimmed.kernel_size == seen[-1].kernel
    assert seen == [Task(7, 6, 3, (3, 1), "training"), Task(7, 1, 1, (1, 1), "training")]


@pytest.mark.parametrize(("dilation", "way"), [(1, "feature"), (2, "weight")])
def test_large_filters_of_many_places_are_slow_to_learn(dilation: int, way: str) -> None:
    """640 places: 1 · 64 · 25 more than 64 · (1.5 · 64 + 15 + 5 · 25) each; four blocks, or 25 numbers."""
    geometry = Geometry.checked(64, 64, 5, 1, 2 * dilation, dilation, 1, False, "zeros")
    assert SeparableChooser(1, None, geometry).choice((10, 64, 8, 8), "training").way == way
