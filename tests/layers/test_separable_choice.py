"""What choices of terms and rank make of convolutions, against counting tensors' numbers."""

from __future__ import annotations

import itertools
import random

import pytest

from lcsearch.layers.separable_choice import FULL, LOW_RANK, Chosen, at_share, made, most_rank, most_terms
from lcsearch.layers.shape import ConvShape


def counted(shape: ConvShape, terms: int, rank: int | None) -> int:
    """Blueprints of each term and output, and the matrix of each term, or its factors."""
    ins, out, area = shape.in_channels, shape.out_channels, shape.kernel[0] * shape.kernel[1]
    matrices = terms * out * ins if rank is None else terms * out * rank + rank * ins
    return terms * out * area + matrices


def layers(shape: ConvShape) -> list[tuple[int, int | None]]:
    """Every layer that saves, with a rank only where it stores less than a full matrix would."""
    ranks = (None, *range(1, shape.in_channels + 1))
    area = shape.kernel[0] * shape.kernel[1]
    plain = shape.out_channels * shape.in_channels * area
    return [
        (terms, rank)
        for terms, rank in itertools.product(range(1, area + 1), ranks)
        if counted(shape, terms, rank) < plain
        and (rank is None or counted(shape, terms, rank) < counted(shape, terms, None))
    ]


SHAPES = [
    ConvShape(64, 128, (3, 3)),
    ConvShape(1, 8, (3, 3)),
    ConvShape(2, 1, (3, 3)),
    ConvShape(3, 12, (5, 5), bias=False),
    ConvShape(12, 5, (3, 1)),
    ConvShape(6, 9, (2, 2)),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_most_that_saves(shape: ConvShape) -> None:
    found = layers(shape)
    assert most_terms(shape, FULL) == max((terms for terms, rank in found if rank is None), default=0)
    low = max((terms for terms, rank in found if rank is not None), default=0)
    assert most_terms(shape, LOW_RANK) >= low, "where no rank is worth it, terms may save that have none"
    for terms in range(1, low + 1):
        ranks = (rank for own, rank in found if own == terms and rank is not None)
        assert most_rank(shape, terms) == max(ranks, default=0)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (Chosen(2, FULL), (2, None)),
        (Chosen(9, FULL), (7, None)),  # 8 · (64 + 9) = 584 of 64 · 9 = 576
        (Chosen(50, FULL), (7, None)),
        (Chosen(1, LOW_RANK, 0.25), (1, 16)),
        (Chosen(1, LOW_RANK, 0.258), (1, 17)),
        (Chosen(1, LOW_RANK, 0.001), (1, 1)),
        (Chosen(1, LOW_RANK, 0.9), (1, 42)),  # 43 · (64 + 128) = 8,256 of 8,192
        (Chosen(2, LOW_RANK, 0.9), (2, 51)),  # 52 · (64 + 256) = 16,640 of 16,384
        (Chosen(9, LOW_RANK, 1.0), (9, 52)),  # 53 · (64 + 1,152) + 10,368 = 74,816 of 73,728
    ],
)
def test_a_choice_is_lowered_until_it_saves(own: Chosen, expected: tuple[int, int | None]) -> None:
    assert made(own, SHAPES[0]) == expected


def test_where_nothing_saves_nothing_is_made() -> None:
    """One input channel: a blueprint alone has all the numbers of a filter."""
    for own in (Chosen(1, FULL), Chosen(1, LOW_RANK, 0.5)):
        assert made(own, SHAPES[1]) is None
    assert at_share(0.25, SHAPES[1]) is None


def test_where_no_rank_is_worth_it_the_matrix_is_full() -> None:
    """A matrix of 1 x 2 numbers: factors of rank 1 have three."""
    assert made(Chosen(1, LOW_RANK, 0.5), SHAPES[2]) == (1, None)


def test_more_never_keeps_less() -> None:
    rng = random.Random(0)
    for _ in range(300):
        kernel = rng.choice([(3, 3), (2, 2), (1, 3), (5, 5)])
        shape = ConvShape(rng.randint(1, 20), rng.randint(1, 20), kernel)
        plain = shape.in_channels * shape.out_channels * kernel[0] * kernel[1]
        terms, ratio = rng.randint(1, 9), rng.random()
        for kind, ratios in ((FULL, (None, None)), (LOW_RANK, (ratio / 3, ratio))):
            found = [made(Chosen(terms, kind, own), shape) for own in ratios]
            sizes = [plain if one is None else counted(shape, *one) for one in found]
            assert sizes[0] <= sizes[1] <= plain
            assert all(size < plain for size, one in zip(sizes, found, strict=True) if one)


@pytest.mark.parametrize("shape", SHAPES[:1] + SHAPES[3:], ids=str)
def test_at_a_share_is_the_largest_that_keeps_no_more(shape: ConvShape) -> None:
    """Of one term more than fit in full, or of those that do."""
    plain = shape.out_channels * shape.in_channels * shape.kernel[0] * shape.kernel[1]
    for share in (0.02, 0.05, 0.11, 0.2, 0.3, 0.5, 0.8):
        found = at_share(share, shape)
        assert found is not None
        sizes = {one: counted(shape, *one) for one in layers(shape)}
        fits = max(
            (terms for (terms, rank), n in sizes.items() if rank is None and n <= share * plain), default=0
        )
        allowed = [one for one in sizes if one in ((fits, None),) or (one[0] == fits + 1 and one[1])]
        within = [sizes[one] for one in allowed if sizes[one] <= share * plain]
        assert sizes[found] == max(within, default=min(sizes.values()))
    assert at_share(1.0, shape) is None
