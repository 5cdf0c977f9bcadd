from __future__ import annotations

from dataclasses import replace

from hand_made import make_run, make_trial

from lcsearch.core.records import RunRecord
from lcsearch.report.remember import remember_last


def test_a_run_is_asked_about_once_until_another_one_is():
    asked = []

    @remember_last
    def trials(run: RunRecord) -> int:
        asked.append(run)
        return len(run.trials)

    one, two = make_run(make_trial(0, 90.0)), make_run()
    assert [trials(one), trials(one), trials(two), trials(one)] == [1, 1, 0, 1]
    assert [id(run) for run in asked] == [id(one), id(two), id(one)]
    grown = replace(one, trials=(*one.trials, make_trial(1, 90.0)))
    assert trials(grown) == 2
