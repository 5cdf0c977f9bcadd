"""The contract of a stopping rule."""

from __future__ import annotations

import random

from lcsearch.core.pareto import front
from lcsearch.core.records import RungRecord
from lcsearch.search.stopping import Arrival, Ended, StoppingRule
from lcsearch.testing._expect import doing, expect

_ARRIVALS = 300


def check_stopping_rule(rule: StoppingRule) -> None:
    """Check that a rule answers every arrival, with the same arrival always alike.

    Args:
        rule: What its file calls ``STOPPING_RULE``, or its entry point names.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.search.stopping.StoppingRule`.
    """
    chance = random.Random(0)
    arrivals = [_alone(), _beside_its_equals(), *(_drawn(chance) for _ in range(_ARRIVALS))]
    answers = [_answer(rule, arrival) for arrival in arrivals]
    for place in chance.sample(range(len(arrivals)), len(arrivals)):
        again = _answer(rule, arrivals[place])
        expect(
            again == answers[place],
            f"asked twice about {arrivals[place]} it said {answers[place]}, then {again}: a rule must depend "
            "on nothing but the arrival, or a resumed run decides otherwise",
        )


def _answer(rule: StoppingRule, arrival: Arrival) -> tuple[bool, str] | None:
    with doing(f"asked about {arrival}"):
        answer = rule(arrival)
    if answer is None:
        return None
    expect(
        isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], bool),
        f"it answered {answer!r}; expected None, or a pair of a bool (it goes on) and a reason",
    )
    reason = answer[1]
    expect(
        isinstance(reason, str) and bool(reason.strip()) and "\n" not in reason,
        f"its reason is {reason!r}; expected a few words in one line, which are recorded and shown",
    )
    return answer


def _alone() -> Arrival:
    return Arrival(RungRecord(0, 100_000, 50.0), (), None, 1_000, 3, curve=(50.0,), left=2)


def _beside_its_equals() -> Arrival:
    equals = tuple(RungRecord(number, 100_000, 50.0) for number in range(1, 9))
    ended = tuple(Ended(number, 100_000, (50.0, 50.0), True, False) for number in range(1, 9))
    trial = RungRecord(0, 100_000, 50.0)
    return Arrival(trial, equals, 50.0, 1_000, 3, curve=(50.0,), left=1, ended=ended, front=equals[:1])


def _drawn(chance: random.Random) -> Arrival:
    """Accuracies from 0 to 100, ties among them; the trial stands anywhere among the numbers."""
    records = [
        RungRecord(
            number,
            chance.choice((1, 10_000, 100_000, chance.randint(1, 10**7))),
            chance.choice((0.0, 100.0, float(chance.randint(0, 100)), chance.uniform(60, 95))),
        )
        for number in range(chance.randint(1, 40))
    ]
    rung = chance.choice((1, 3))
    ended = tuple(_ended(record, chance, rung) for record in records if chance.random() < 0.8)
    trial = records.pop(chance.randrange(len(records)))
    ended = tuple(one for one in ended if one.number != trial.number)
    complete = [RungRecord(one.number, one.params, one.curve[-1]) for one in ended if one.complete]
    best = front([(one.accuracy, float(one.params)) for one in complete])
    return Arrival(
        trial,
        tuple(records),
        chance.choice((None, 0.0, 100.0, chance.uniform(60, 95))),
        chance.choice((1, 100, 10_000)),
        chance.randint(2, 4),
        curve=_curve(trial.accuracy, chance, rung),
        left=chance.randint(1, 9),
        ended=ended,
        front=tuple(complete[i] for i in best),
    )


def _ended(record: RungRecord, chance: random.Random, rung: int) -> Ended:
    complete = chance.random() < 0.5
    epochs = 9 if complete else rung
    return Ended(
        record.number, record.params, _curve(record.accuracy, chance, epochs), complete, chance.random() < 0.2
    )


def _curve(end: float, chance: random.Random, epochs: int) -> tuple[float, ...]:
    """Accuracies by epoch, that of the last one given."""
    return (*(chance.uniform(0.0, 100.0) for _ in range(epochs - 1)), end)
