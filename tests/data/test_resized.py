"""Random resized crops, against positions worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from lcsearch.data import Batches, DatasetInfo, Split
from lcsearch.data.resized import random_parts, resized_parts

SIDE = 16


def ramps(count: int) -> torch.Tensor:
    """Channel 0 says the column of a pixel, channel 1 its row, channel 2 the image."""
    column = torch.arange(SIDE).expand(count, SIDE, SIDE)
    image = torch.arange(count).view(-1, 1, 1).expand(count, SIDE, SIDE)
    return torch.stack([column, column.transpose(1, 2), image], dim=1).to(torch.uint8)


def positions(start: float, share: float) -> torch.Tensor:
    """Where the middles of the pixels of a resized part lie on the image, in pixels, not beyond its edge."""
    at = [(start + share * (i + 0.5) / SIDE) * SIDE - 0.5 for i in range(SIDE)]
    return torch.tensor([min(max(x, 0.0), SIDE - 1.0) for x in at])


def test_each_pixel_is_taken_from_its_place_in_the_part() -> None:
    parts = torch.tensor(
        [[0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.6, 0.4], [0.0, 0.1, 0.9, 0.9]], dtype=torch.float64
    )
    made = resized_parts(ramps(3), parts)
    assert made.shape == (3, 3, SIDE, SIDE) and made.dtype == torch.float32
    for image, (top, left, height, width) in zip(made, parts.tolist(), strict=True):
        torch.testing.assert_close(image[0], positions(left, width).expand(SIDE, SIDE), atol=1e-4, rtol=0)
        torch.testing.assert_close(
            image[1], positions(top, height).view(-1, 1).expand(SIDE, SIDE), atol=1e-4, rtol=0
        )
    assert made[:, 2].flatten(1).unique(dim=1).round().flatten().unique().tolist() == [0, 1, 2]
    torch.testing.assert_close(made[0], ramps(1)[0].float(), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("place", "shape", "expected"),
    [
        ((0.0, 0.0), (1.0, 0.5), (0, 0, 1, 1)),
        ((0.5, 1.0), (0.0, 0.5), (0.5 * (1 - math.sqrt(0.35)), 1 - math.sqrt(0.35), *[math.sqrt(0.35)] * 2)),
        (
            (1.0, 0.0),
            (0.0, 0.0),
            (1 - math.sqrt(0.35 * 4 / 3), 0, math.sqrt(0.35 * 4 / 3), math.sqrt(0.35 * 3 / 4)),
        ),
        ((0.3, 0.0), (1.0, 1.0), (0.3 * (1 - math.sqrt(3 / 4)), 0, math.sqrt(3 / 4), 1)),
    ],
)
def test_parts_by_hand(
    place: tuple[float, float], shape: tuple[float, float], expected: tuple[float, ...]
) -> None:
    [part] = random_parts(torch.tensor([place]).T, torch.tensor([shape]).T).tolist()
    assert part == pytest.approx(expected, abs=1e-6)


def test_every_part_lies_in_its_image() -> None:
    drawn = torch.Generator().manual_seed(0)
    top, left, height, width = random_parts(
        torch.rand(2, 5000, generator=drawn), torch.rand(2, 5000, generator=drawn)
    ).unbind(1)
    assert min(top.min(), left.min()) >= 0 and max((top + height).max(), (left + width).max()) <= 1 + 1e-12
    assert (height * width).min() >= 0.35 * 0.99 and (width / height).max() <= 4 / 3 + 1e-6


def test_batches_show_parts_by_image_and_leave_the_order_as_it_is() -> None:
    info = DatasetInfo("ramps", 2, 3, SIDE, (0.0,) * 3, (1 / 255,) * 3, flip=False, crop=0)
    split = Split(ramps(12), torch.arange(12) % 2)
    plain, resized = (Batches(split, info, 4, augment=True, resized=one) for one in (False, True))
    seeded = lambda: torch.Generator().manual_seed(5)  # noqa: E731
    for (_, _, chosen), (images, labels, same) in zip(
        plain.indexed(seeded()), resized.indexed(seeded()), strict=True
    ):
        assert torch.equal(chosen, same) and torch.equal(labels, chosen % 2)
        assert torch.equal(images[:, 2, 0, 0].round().long(), chosen)
        assert (images[:, 0].amax((1, 2)) - images[:, 0].amin((1, 2))).min() < SIDE - 1
    view = torch.cat(list(resized.view(seeded())))
    for images, _, chosen in resized.indexed(torch.Generator().manual_seed(1), seeded()):
        torch.testing.assert_close(images, view[chosen])
