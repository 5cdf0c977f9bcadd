"""What a model loses by the spec of one layer, between the specs for which it was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcsearch.space.losses import LayerLoss
from lcsearch.spec import LayerSpec


def linear(alpha: float, rank: int | None = None, sparsity: float | None = None) -> LayerSpec:
    return LayerSpec("linear", alpha, rank, sparsity)


MEASURED = [
    (linear(1 / 4), 0.02),
    (linear(1 / 4, 32), 0.08),
    (linear(1 / 4, 16), 0.32),
    (linear(1 / 16), 0.5),
    (linear(1 / 16, 8), 2.0),
]
"""Of a layer of 256 filters: 64 or 16 of them primary."""
LOSS = LayerLoss.through(MEASURED, 256)


@pytest.mark.parametrize(("spec", "loss"), MEASURED)
def test_it_goes_through_what_was_measured(spec: LayerSpec, loss: float) -> None:
    assert LOSS(spec) == pytest.approx(loss)


@pytest.mark.parametrize(
    ("spec", "loss"),
    [
        (linear(1 / 8), (0.02 * 0.5) ** 0.5),  # half way between two alphas, on their logarithms
        (linear(1 / 32), 0.5 * (0.5 / 0.02) ** 0.5),  # beyond the smallest
        (linear(1 / 2), (0.02 * 1e-6) ** 0.5),  # towards a plain layer
        (linear(1 / 4, 8), 1.28),  # four times the loss for each half of the rank
        (
            linear(1 / 8, 16),
            (0.08 * 2.0) ** 0.5,
        ),  # half of the rank, half way between alphas
        (linear(1 / 4, None, 0.75), 0.08),  # a density of 1/4 counts as half of the rank
        (linear(1 / 4, 1), 20.0),  # by the line 20.48 nats, and no more than 20 are lost
    ],
)
def test_between_and_beyond_logarithms_are_straight_lines(spec: LayerSpec, loss: float) -> None:
    assert LOSS(spec) == pytest.approx(loss, rel=1e-6)


def test_what_keeps_more_and_loses_more_counts_as_losing_as_little() -> None:
    noisy = LayerLoss.through([(linear(1 / 16), 0.1), (linear(1 / 8), 0.3), (linear(1 / 8, 16), 0.2)], 256)
    assert noisy(linear(1 / 8)) == pytest.approx(0.1)
    assert noisy(linear(1 / 4)) < 0.1


@given(
    st.dictionaries(
        st.tuples(st.sampled_from([4, 8, 16, 32, 64]), st.sampled_from([None, 1, 2, 4])),
        st.floats(0, 50),
        min_size=1,
    ),
    st.tuples(st.integers(2, 120), st.integers(2, 120)),
    st.floats(0.01, 1),
)
def test_more_primaries_never_lose_more(
    measured: dict[tuple[int, int | None], float], primaries: tuple[int, int], density: float
) -> None:
    loss = LayerLoss.through([(linear(p / 128, r), one) for (p, r), one in measured.items()], 128)
    sparsity = None if density == 1 else 1 - density
    few, many = (loss(linear(p / 128, None, sparsity)) for p in sorted(primaries))
    assert 0 < many <= few * (1 + 1e-9) <= 20.1
