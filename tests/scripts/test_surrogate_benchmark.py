"""What recorded trials are guessed at, by what the surrogate is told: on trials that are made up."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guessed_trials import SPACE, stored
from old_runs import unpack
from programs import SCRIPTS, run_script
from scipy.stats import norm

from lcsearch.core.records import TrialRecord
from lcsearch.runs.store import Proposal
from lcsearch.search.samplers._layout import Layout


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(SCRIPTS)
    import told

    return vars(told) | runpy.run_path(str(SCRIPTS / "bench_surrogate.py"))


def searched(script: dict[str, Any], trials: list[tuple[TrialRecord, Proposal]]) -> Any:
    layout = Layout(SPACE)
    return script["Search"]("tiny", layout, tuple(script["shown"](trials, ("accuracy", "params"), layout)))


def test_the_start_explains_what_it_decides(script: dict[str, Any]) -> None:
    """Cut out models are two points better: a surrogate that is told of it guesses better, else it cannot."""
    variants, score = script["VARIANTS"], script["score"]
    worth = {}
    for offset in (0.0, 2.0):
        search = searched(script, stored(offset))
        for name in ("the spec alone", "the start, 0 ± 1"):
            worth[offset, name] = score(script["guesses"](search, variants[name], every=False))
    alone, told = worth[2.0, "the spec alone"], worth[2.0, "the start, 0 ± 1"]
    assert told.error < 0.4 < 0.8 < alone.error
    assert told.surprise < alone.surprise - 0.5 and told.ranks > alone.ranks
    assert abs(worth[0.0, "the start, 0 ± 1"].error - worth[0.0, "the spec alone"].error) < 0.1


def test_what_guesses_are_worth(script: dict[str, Any]) -> None:
    found = [script["Guessed"](*one) for one in ((90.0, 91.0, 0.5), (80.0, 79.5, 1.0), (85.0, 85.0, 2.0))]
    error, surprise, ranks = script["score"](found)
    assert error == pytest.approx(0.5)
    densities = norm.logpdf([90.0, 80.0, 85.0], [91.0, 79.5, 85.0], [0.5, 1.0, 2.0])
    assert surprise == pytest.approx(-densities.mean()) and ranks == 1.0


def test_a_trial_is_guessed_from_those_before_it_alone(script: dict[str, Any]) -> None:
    """Of twenty the first four are not guessed; a later one tells nothing, a stopped one its prediction."""
    told, trials = script["VARIANTS"]["all"], stored(1.0)

    def guessed(changed: int, **to: Any) -> list[float]:
        own = [(replace(r, **to), p) if r.number == changed else (r, p) for r, p in trials]
        return [one.guess for one in script["guesses"](searched(script, own), told, every=False)]

    before = guessed(0)
    assert len(before) == 16
    changed = guessed(9, accuracy=80.0)
    assert changed[:6] == before[:6] and changed[6] != before[6]
    accuracy = trials[9][0].accuracy
    stopped = guessed(9, state="pruned", accuracy=None, predicted=accuracy)
    assert len(stopped) == 15 and stopped[:5] == before[:5]
    assert stopped[5] != before[6] and stopped[5] == pytest.approx(before[6], abs=1.0)
    given = guessed(9, origin="given")
    assert given == [*before[:5], *before[6:]], "the sampler's are guessed, and the others guessed from"


@pytest.mark.slow
def test_the_table_of_a_run(tmp_path: Path) -> None:
    said = run_script("bench_surrogate.py", unpack("finished", tmp_path), "--of", "all")
    scores, changes = said.split("\n\n")
    assert scores.splitlines()[0].startswith("| told | `")
    assert len(scores.splitlines()) == len(changes.splitlines()) + 1 == 13
    assert not list(tmp_path.rglob("study.db-*"))
