from __future__ import annotations

import pytest

from lcsearch.train.schedule import learning_rate


def test_rates_worked_out_by_hand() -> None:
    # 8 steps, a quarter of them rising: 1/2, 1, then seven equal falls from the peak to zero.
    rates = [learning_rate(step, 8, 0.7, 0.25) for step in range(8)]
    assert rates == pytest.approx([0.35, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("warmup", [0.0, 0.013, 0.25, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 312])
def test_every_step_trains_and_none_exceeds_the_peak(steps: int, warmup: float) -> None:
    rates = [learning_rate(step, steps, 0.2, warmup) for step in range(steps)]
    assert all(0 < rate <= 0.2 + 1e-12 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_one_long_training_ends_near_zero() -> None:
    assert learning_rate(999, 1000, 0.1, 0.2) < 0.1 / 500
