from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lcsearch.core.records import RungRecord
from lcsearch.search.stopping import Arrival
from lcsearch.search.stopping.pareto import MAX_BELOW_BASELINE, among_the_best, noise_margin

IMAGES = 5_000

RECORDS = st.lists(
    st.tuples(st.sampled_from([10_000, 20_000, 50_000, 100_000, 400_000]), st.integers(140, 184)),
    min_size=1,
    max_size=20,
).map(lambda pairs: [RungRecord(n, params, a / 2) for n, (params, a) in enumerate(pairs)])


def ask(trial, others, baseline=None):
    """Whether a trial goes on, and why."""
    return among_the_best(Arrival(trial, tuple(others), baseline, IMAGES, factor=3))


def test_the_margin_is_two_deviations_of_a_difference_of_proportions():
    # Two draws of 5,000 images at 90 %: variance of each share 0.9 * 0.1 / 5000.
    assert noise_margin(90.0, 5_000) == pytest.approx(100 * 2 * math.sqrt(0.09 / 5_000 + 0.09 / 5_000))
    assert noise_margin(90.0, 5_000) == pytest.approx(1.2)


def test_rule_1_a_clearly_better_trial_that_is_no_larger():
    trial = RungRecord(7, 100_000, 85.0)
    margin = noise_margin(87.0, IMAGES)
    assert 1.3 < margin < 1.4
    assert ask(trial, [RungRecord(3, 100_000, 87.0)]) == (False, "trial 3 is no larger and clearly better")
    # A larger one does not count: the trial is on the front then.
    assert ask(trial, [RungRecord(3, 100_001, 87.0)]) == (True, "on the front of the rung")
    # Nor does a difference that noise explains; here the rank stops it all the same.
    assert "not among the best" in ask(trial, [RungRecord(3, 100_000, 86.0)])[1]


def test_rule_1_comes_before_the_front_of_larger_ones_and_rule_2_before_the_front():
    smallest = RungRecord(1, 1_000, 79.0)
    others = [RungRecord(0, 400_000, 90.0)]
    assert ask(smallest, others, baseline=90.0) == (False, "more than 10 points below the baseline")
    assert ask(smallest, others, baseline=89.0) == (True, "on the front of the rung")
    assert ask(smallest, others, baseline=None) == (True, "on the front of the rung")


def test_rule_4_the_best_third_by_rank():
    front = [RungRecord(0, 100_000, 85.0), RungRecord(1, 10_000, 84.0)]
    second = RungRecord(2, 100_001, 84.9)
    # Three at the rung: the best third is one, and that is on the front.
    assert ask(second, front)[1] == "place 3 of 3, not among the best 1/3"
    # Nine at the rung: the best third are three, and the third is the best of rank 1.
    worse = [RungRecord(n, 100_000 + n, 84.8 - n / 100) for n in range(3, 9)]
    assert ask(second, front + worse)[1] == "place 3 of 9, among the best 1/3"
    assert "not among" in ask(worse[0], [*front, second, *worse[1:]])[1]


def test_ties_in_rank_go_by_hypervolume_contribution():
    front = [RungRecord(0, 10_000, 85.0), RungRecord(1, 100_000, 85.4)]
    # Rank 1: the middle one adds a sliver, the first a wide stretch.
    peers = [RungRecord(2, 20_000, 84.9), RungRecord(3, 390_000, 85.25), RungRecord(4, 395_000, 85.3)]
    tail = [RungRecord(n, 500_000 + n, 84.5 - n / 100) for n in range(5, 9)]
    records = front + peers + tail
    verdicts = [ask(r, [o for o in records if o is not r])[0] for r in peers]
    assert verdicts == [True, False, False]


def test_equal_records_are_settled_by_number():
    equal = [RungRecord(n, 100_000, 85.0) for n in range(4)]
    assert all(ask(r, [o for o in equal if o is not r])[0] for r in equal)  # all of them are the front
    front = [RungRecord(10, 90_000, 85.1), RungRecord(11, 80_000, 85.05)]
    verdicts = [ask(r, front + [o for o in equal if o is not r])[1] for r in equal]
    assert [v.split(",")[0] for v in verdicts] == [f"place {n} of 6" for n in (3, 4, 5, 6)]


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(records, shuffler):
    trial, others = records[0], records[1:]
    first = ask(trial, others, baseline=90.0)
    shuffler.shuffle(others)
    assert ask(trial, others, baseline=90.0) == first


@given(RECORDS)
def test_what_nothing_dominates_is_stopped_only_by_the_baseline(records):
    trial, others = records[0], records[1:]
    assume(
        not any(
            o.params <= trial.params
            and o.accuracy >= trial.accuracy
            and (o.params, o.accuracy) != (trial.params, trial.accuracy)
            for o in others
        )
    )
    assert ask(trial, others)[0]
    assert not ask(trial, others, baseline=trial.accuracy + MAX_BELOW_BASELINE + 0.1)[0]
    assert ask(trial, others, baseline=trial.accuracy + MAX_BELOW_BASELINE)[0]


@given(RECORDS)
def test_no_more_than_the_front_and_a_third_go_on(records):
    went_on = [r for r in records if ask(r, [o for o in records if o is not r])[0]]

    def dominated(r):
        return any(
            o.params <= r.params
            and o.accuracy >= r.accuracy
            and (o.params, o.accuracy) != (r.params, r.accuracy)
            for o in records
        )

    front = [r for r in records if not dominated(r)]
    assert all(r in went_on for r in front)
    assert len(went_on) <= max(len(front), len(records) // 3)


def test_a_replayed_rung_decides_the_same():
    """A restart reads the same records back in another order and decides the same, trial by trial."""
    random.seed(0)
    records = [
        RungRecord(n, random.choice([20_000, 90_000, 300_000]), random.uniform(75, 90)) for n in range(60)
    ]
    first = [ask(r, records[: r.number], baseline=88.0) for r in records]
    again = [ask(r, list(reversed(records[: r.number])), baseline=88.0) for r in records]
    assert first == again
    assert 5 < sum(go_on for go_on, _ in first) < 40
