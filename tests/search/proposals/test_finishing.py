"""Which models train on at the end of a search, against a count of little squares by brute force."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hand_made import make_trial

from lcsearch.core.errors import InputError
from lcsearch.core.records import Origin, State, TrialRecord
from lcsearch.core.spec import Recipe
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.proposals.finishing import Finishing, check_finishing, choose, recipe_of

SMALLEST = 100
BASELINE = make_trial(0, 90.0, 100_000, "baseline")
TUNED = Recipe(epochs=1, lr=0.02, init="backbone", distill=0.5)
SIDES: dict[str, tuple[Origin, ...]] = {
    "search": ("sampler", "given", "sensitivity"),
    "by hand": ("uniform", "thinner", "thinner cut", "uniform thinner"),
}


def on(
    number: int, parent: TrialRecord, accuracy: float | None = None, state: State = "complete"
) -> TrialRecord:
    """A trial that trains another's model on."""
    recipe = Recipe(epochs=3, init="trial")
    made = make_trial(number, accuracy, parent.params, parent.origin, state, parent=parent.number)
    return replace(made, spec=replace(parent.spec, recipe=recipe))


def share_of_the_box(points: Sequence[tuple[float, int]]) -> float:
    """How much of 85 to 91 % and 100 to 100,000 parameters some point is above and left of, cell by cell."""
    heights = sorted({85.0, 91.0, *(min(max(a, 85.0), 91.0) for a, _ in points)})
    sizes = sorted({100, 100_000, *(min(max(p, 100), 100_000) for _, p in points)})
    area = 0.0
    for low, high in pairwise(heights):
        for small, large in pairwise(sizes):
            if any(a >= high and p <= small for a, p in points):
                area += (high - low) * math.log(large / small)
    return area / (6 * math.log(1000))


def undominated(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [
        one for one in trials
        if not any(
            (t.accuracy >= one.accuracy and t.params <= one.params)  # type: ignore[operator]
            and ((t.accuracy, t.params) != (one.accuracy, one.params) or t.number < one.number)
            for t in trials
        )
    ]  # fmt: skip


def by_brute_force(trials: Sequence[TrialRecord]) -> tuple[float, list[int]]:
    """How little of its front a side has trained on, and who may be next: several that promise alike."""
    best: tuple[float, list[int]] = (math.inf, [])
    for origins in SIDES.values():
        own = [t for t in trials if t.origin in origins]
        first = [t for t in own if t.state == "complete" and t.spec.recipe.init != "trial"]
        later = [t for t in own if t.spec.recipe.init == "trial"]
        front = undominated(first)
        left = [t for t in front if t.number not in [one.parent for one in later]]
        points = [(t.accuracy, t.params) for t in own if t.state == "complete"]
        for one in later:
            if one.state == "running":
                (parent,) = (t for t in first if t.number == one.parent)
                points.append((parent.accuracy + 1, parent.params))  # type: ignore[operator]
        share = (len(front) - len(left)) / max(len(front), 1)
        if not left or share >= best[0]:
            continue
        then = {
            t.number: share_of_the_box([*points, (t.accuracy + 1, t.params)])  # type: ignore[list-item,operator]
            for t in left
        }
        most = max(then.values())
        best = share, [number for number, found in then.items() if found > most - 1e-9]
    return best


def drawn(chance: random.Random) -> list[TrialRecord]:
    """A run: both sides' trials in any order, then some that train on."""
    trials = [BASELINE]
    for number in range(1, chance.randint(3, 25)):
        origin = chance.choice([one for origins in SIDES.values() for one in origins])
        params = round(math.exp(chance.uniform(math.log(60), math.log(150_000))))
        quality = 84 + 7.5 * math.log(params / 60) / math.log(2500)
        state = chance.choice(["complete"] * 5 + ["pruned", "failed"])
        accuracy = round(quality + chance.gauss(0, 1), 1) if state == "complete" else None
        trials.append(make_trial(number, accuracy, params, origin, state))  # type: ignore[arg-type]
    return trials


@pytest.mark.parametrize("seed", range(60))
def test_next_is_who_promises_most_on_the_side_that_has_trained_on_least(seed: int) -> None:
    chance = random.Random(seed)
    trials, seen = drawn(chance), []
    while True:
        found = choose(trials, SMALLEST)
        share, expected = by_brute_force(trials)
        if found is None:
            assert expected == [] and share == math.inf
            break
        assert found.number in expected
        seen.append(found.number)
        state: State = chance.choice(["complete", "complete", "running", "failed"])
        accuracy = (found.accuracy or 0.0) + chance.gauss(0.7, 0.7) if state == "complete" else None
        trials.append(on(len(trials), found, accuracy, state))
    assert len(set(seen)) == len(seen)
    first = [t for t in trials if t.state == "complete" and t.spec.recipe.init != "trial"]
    fronts = [undominated([t for t in first if t.origin in origins]) for origins in SIDES.values()]
    assert sorted(seen) == sorted(t.number for front in fronts for t in front)


def test_an_equal_share_of_either_front_trains_on() -> None:
    """Six of the search and three picked by hand: two of the search for each of these, the search first."""
    trials = [BASELINE]
    for origin, count in (("sampler", 6), ("thinner", 3)):
        for place in range(count):
            trials.append(make_trial(len(trials), 86.0 + place / 2, 1000 * 2**place, origin))  # type: ignore[arg-type]
    sides = list[str]()
    for _ in range(9):
        found = choose(trials, SMALLEST)
        assert found is not None
        sides.append(found.origin)
        trials.append(on(len(trials), found, state="running"))
    # 0/6 and 0/3, 1/6 and 0/3, 1/6 and 1/3, 2/6 and 1/3: the search, by hand, the search, and so on.
    assert [side == "sampler" for side in sides] == [True, False, True] * 3


def test_a_place_without_smaller_neighbours_comes_before_one_beside_a_better_small_model() -> None:
    """At first most of the box is above the smallest two; then 1k has more than 2k would have."""
    small, beside, far = (
        make_trial(n, accuracy, size)
        for n, accuracy, size in ((1, 88.0, 1000), (2, 88.1, 2000), (3, 88.2, 90_000))
    )
    trials = [BASELINE, small, beside, far]
    assert choose(trials, SMALLEST) == small
    assert choose([*trials, on(4, small, 89.15)], SMALLEST) == far
    assert choose([*trials, on(4, small, 88.5)], SMALLEST) == beside


def test_nobody_without_a_backbone_or_without_weights() -> None:
    first, second = make_trial(1, 88.0, 1000), make_trial(2, 89.0, 2000)
    assert choose([replace(BASELINE, state="failed", accuracy=None), first], SMALLEST) is None
    assert choose([BASELINE], SMALLEST) is None
    assert choose([BASELINE, first, second], SMALLEST, lambda number: number == 2) == second
    assert choose([BASELINE, first, second], SMALLEST, lambda number: False) is None


def settings(**changes: object) -> RunSettings:
    asked: dict[str, object] = {"trials": 10, "finish": 0.3, "fine_tune": TUNED} | changes
    return RunSettings("base", "digits", **asked)  # type: ignore[arg-type]


def test_only_the_last_share_of_the_trials_trains_on() -> None:
    """Of 10 trials 3, however many of the first 7 there are; a rejected one is none of them."""
    finishing = Finishing(settings(), SMALLEST, lambda number: True)
    trials = [BASELINE, *(make_trial(n, 86.0 + n / 4, 1000 * n) for n in range(1, 6))]
    trials.append(make_trial(6, None, 10**6, state="rejected"))
    assert finishing.next(History(trials)) is None
    trials.append(make_trial(7, 85.0, 10**5))
    assert History(trials).trained == 7
    for already in range(3):
        found = finishing.next(History(trials))
        assert found is not None and found.parent is not None
        assert (found.origin, found.spec.recipe.epochs) == ("sampler", 3)
        trials.append(on(8 + already, trials[found.parent], 89.0))
    longer = Finishing(settings(trials=20), SMALLEST, lambda number: True)
    assert History(trials).trained == 10 and longer.next(History(trials)) is None
    off = Finishing(settings(finish=0.0), SMALLEST, lambda number: True)
    assert off.next(History(trials[:9])) is None


def test_it_is_fine_tuned_whatever_its_own_training_was() -> None:
    own = replace(TUNED, lr=0.3, epochs=4)
    assert recipe_of(own, settings(finish_epochs=5)) == replace(own, epochs=5, init="trial")
    scratch = Recipe(epochs=4, lr=0.3, distill=0.2)
    assert recipe_of(scratch, settings()) == replace(TUNED, epochs=3, init="trial")
    found = recipe_of(scratch, settings(fine_tune=None))
    assert (found.init, found.epochs, found.lr, found.distill) == ("trial", 3, 0.02, 0.2)


@pytest.mark.parametrize(
    ("trials", "share", "problem"),
    [
        (28, 0.01, "of 28 trials that is none"),
        (28, 0.3, "of 28 trials that leaves 20, where 21 may be planned"),
        (1, 0.9, "of 1 trial that leaves 0, where 21 may be planned"),
    ],
)
def test_a_share_that_cannot_be_had_is_refused(trials: int, share: float, problem: str) -> None:
    with pytest.raises(InputError) as raised:
        check_finishing(settings(trials=trials, finish=share), lambda: 21)
    assert str(raised.value) == f"finish={share}: {problem}; use another share or more trials"
    check_finishing(settings(trials=28, finish=0.25), lambda: 21)
    check_finishing(settings(trials=28, finish=0.0), lambda: 99)
