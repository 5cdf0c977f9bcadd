"""Whether a trial's epochs are worth it, in an example worked out by hand.

Trials are trained for two epochs. The backbone has 10,000 parameters and ends at 90 %, so what counts is
85 to 91 %, and, for a trial of 100 parameters, two decades of size: 12 points times decades. Trial 1, at
1,000 parameters, ended at 88 %, which added 3 points over one decade: a quarter. With three stopped ones the
search spent five epochs on that: 5 % each. Both curves gained 10 points in their second epoch.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from lcsearch.core.records import RungRecord
from lcsearch.search.stopping import Arrival, Ended
from lcsearch.search.stopping.expected import FEWEST, LATELY, worth_its_epochs

BACKBONE = Ended(0, 10_000, (80.0, 90.0), True, True)
OWN = (Ended(1, 1_000, (78.0, 88.0), True, False), *(Ended(n, 500, (60.0,), False, False) for n in (2, 3, 4)))
FRONT = (RungRecord(1, 1_000, 88.0), RungRecord(0, 10_000, 90.0))


def arrival(accuracy: float, left: int = 1, ended: tuple[Ended, ...] = (BACKBONE, *OWN)) -> Arrival:
    trial = RungRecord(9, 100, accuracy)
    return Arrival(trial, (), None, 5_000, 3, curve=(accuracy,), left=left, ended=ended, front=FRONT)


def test_what_promises_much_goes_on_and_what_promises_little_stops() -> None:
    """At 86 % it adds a point over a decade, a twelfth: 8.3 %, and a little for what may come out higher."""
    assert worth_its_epochs(arrival(76.0)) == (
        True,
        "promises half of the hypervolume per epoch of the latest 4: 8.4 against 5 % "
        "(predicted accuracy 86.00 ± 0.60 %)",
    )
    go_on, why = worth_its_epochs(arrival(74.0))
    assert not go_on and why.startswith("no longer promises half")


@pytest.mark.parametrize(("left", "goes_on"), [(1, True), (3, True), (4, False), (9, False)])
def test_it_counts_what_it_still_costs(left: int, goes_on: bool) -> None:
    """8.4 % in 3 epochs are 2.8 an epoch and above half of 5; in 4 they are 2.1."""
    assert worth_its_epochs(arrival(76.0, left))[0] is goes_on


def test_what_is_no_better_than_a_smaller_model_adds_nothing() -> None:
    beaten = replace(arrival(76.0), trial=RungRecord(9, 2_000, 76.0))
    assert not worth_its_epochs(beaten)[0]
    better = replace(arrival(79.0), trial=RungRecord(9, 2_000, 79.0), curve=(79.0,))
    assert worth_its_epochs(better)[0]


def test_what_was_picked_by_hand_says_nothing_of_what_the_search_brings() -> None:
    """Had trial 1 been picked by hand, the search's own trials brought nothing, and any promise is enough."""
    given = (BACKBONE, replace(OWN[0], hand_picked=True), *OWN[1:], replace(OWN[3], number=5))
    assert worth_its_epochs(arrival(60.0, ended=given))[0]


def test_only_the_latest_trials_say_what_an_epoch_brings() -> None:
    """Behind so many stopped ones the gain of trial 1 is forgotten, and any promise is enough."""
    stopped = tuple(replace(OWN[1], number=n) for n in range(10, 10 + LATELY))
    assert not worth_its_epochs(arrival(76.0, 40))[0]
    assert worth_its_epochs(arrival(76.0, 40, (BACKBONE, *OWN, *stopped)))[0]
    assert not worth_its_epochs(arrival(74.0, 9, (BACKBONE, *OWN, *stopped[: LATELY - 4])))[0]


def test_where_a_stopped_trial_stood_is_not_where_it_ended() -> None:
    ahead = (OWN[0], *(replace(one, curve=(87.9,)) for one in OWN[1:]))
    assert "against 5 %" in worth_its_epochs(arrival(76.0, ended=(BACKBONE, *ahead)))[1]


def test_a_curve_ends_with_its_last_epoch() -> None:
    """Trial 1 took three epochs instead of two, and the search six: 25 % in six are 4.2 % each."""
    longer = (BACKBONE, replace(OWN[0], curve=(78.0, 80.0, 88.0)), *OWN[1:])
    assert "against 4.2 %" in worth_its_epochs(replace(arrival(76.0, ended=longer), front=FRONT[1:]))[1]


def test_where_all_models_have_one_size_nothing_is_promised_and_nothing_asked() -> None:
    same = replace(arrival(76.0, ended=(BACKBONE, *OWN[1:], OWN[1])), trial=RungRecord(9, 10_000, 76.0))
    go_on, why = worth_its_epochs(replace(same, front=FRONT[1:]))
    assert go_on and "0 against 0 %" in why


def test_before_anything_is_complete_nothing_is_asked() -> None:
    alone = arrival(76.0, ended=tuple(replace(OWN[1], number=n) for n in range(FEWEST)))
    assert worth_its_epochs(replace(alone, front=()))[0]


def test_nothing_is_stopped_while_few_of_the_search_have_ended() -> None:
    few = (BACKBONE, *OWN[: FEWEST - 1])
    assert worth_its_epochs(arrival(1.0, ended=few)) == (True, "fewer than 4 trials of the search have ended")


def test_the_metric_is_named() -> None:
    assert "predicted macro F1 86.00" in worth_its_epochs(replace(arrival(76.0), metric="macro F1"))[1]
