"""Searches replayed over what was trained, by what the surrogate is told: on trials that are made up."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from guessed_trials import SPACE, stored
from old_runs import unpack
from programs import SCRIPTS, run_script

from lcsearch.core.pareto import Box
from lcsearch.core.records import EpochRecord, TrialRecord
from lcsearch.search.samplers._layout import Layout


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(SCRIPTS)
    import told

    return vars(told) | runpy.run_path(str(SCRIPTS / "bench_told_replay.py"))


def trained(record: TrialRecord, accuracy: float, before: float) -> TrialRecord:
    """The record with an accuracy, all its epochs, and what was measured before them."""
    epochs = tuple(EpochRecord(i + 1, accuracy, 0.5, 1.0, 0.0) for i in range(record.spec.recipe.epochs))
    return replace(record, accuracy=accuracy, epochs=epochs, metrics={"accuracy_before": before})


def pool(
    script: dict[str, Any], accuracies: Sequence[float], befores: Sequence[float], *, cut: bool = False
) -> Any:
    """20 models of one layer, every second cut out, or all."""
    layout, known = Layout(SPACE), stored(0.0)
    if cut:
        spec = known[0][0].spec
        known = [(replace(r, spec=replace(r.spec, recipe=spec.recipe)), proposal) for r, proposal in known]
    changed = [
        (trained(record, accuracy, before), proposal)
        for (record, proposal), accuracy, before in zip(known, accuracies, befores, strict=True)
    ]
    trials = script["shown"](changed, ("accuracy", "params"), layout)
    search = script["Search"]("tiny", layout, tuple(trials))
    sizes = [float(trial.record.params) for trial in trials]
    return script["Pool"](search, Box(80.0, 95.0, min(sizes), max(sizes)))


def areas(trials: Sequence[TrialRecord], box: Box) -> float:
    """The share of the box that is dominated, counted on a fine grid of its size axis."""
    grid = np.linspace(np.log(box.params_low), np.log(box.params_high), 20_001)
    points = [(trial.accuracy or 0.0, np.log(trial.params)) for trial in trials]
    best = [max((a for a, size in points if size <= x), default=box.accuracy_low) for x in grid[:-1]]
    heights = np.clip(np.array(best) - box.accuracy_low, 0.0, None)
    return float(heights.mean() / (box.accuracy_high - box.accuracy_low))


def test_a_replay_pays_what_it_takes(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It always takes the first of what is left here: epochs, looks and hypervolume are counted by hand."""
    rng = np.random.default_rng(3)
    whole = pool(script, rng.uniform(82, 92, 20), rng.uniform(20, 80, 20))
    replay = script["replay"]
    monkeypatch.setitem(replay.__globals__, "promises", lambda *_: np.array([1.0, 0.0]))
    trials = [trial.record for trial in whole.search.trials]
    for name, looked in (("the spec alone", 0.0), ("the start and accuracy before", 10 * script["LOOK"])):
        curve = replay(whole, script["VARIANTS"][name], 5)
        first = [0, *(1 + np.random.default_rng(5).permutation(19)[:8])]
        taken, left = [trials[i] for i in first], [r for i, r in enumerate(trials) if i not in first]
        assert len(curve) == 1 + len(left)
        spent = looked
        for record, (cost, volume) in zip([None, *left], curve, strict=True):
            if record is not None:
                spent += 1 if record.spec.recipe.init == "backbone" else 4
                taken.append(record)
            assert cost == pytest.approx(spent)
            assert volume == pytest.approx(areas(taken, whole.box), abs=1e-3)
    assert whole.whole == pytest.approx(areas(trials, whole.box), abs=1e-3)


def test_what_says_how_good_a_model_is_finds_it_sooner(script: dict[str, Any]) -> None:
    """Accuracy has nothing to do with the spec, and much with what is measured before training."""
    gains = []
    for seed in range(8):
        luck = np.random.default_rng(seed).normal(0.0, 1.5, 20)
        whole = pool(script, 88 + luck, 100 - 30 * np.exp(-luck / 1.2), cut=True)
        reached = []
        for name in ("the start", "the start and accuracy before"):
            curve = script["replay"](whole, script["VARIANTS"][name], seed)
            reached.append(np.mean([script["reached"](curve, mark) for mark in range(1, 10)]))
        gains.append(reached[1] - reached[0])
    assert sum(gain > 0 for gain in gains) >= 6 and np.mean(gains) > 0.003, gains


def test_a_stopped_trial_counts_by_its_prediction_or_by_what_it_had_reached(script: dict[str, Any]) -> None:
    (record, proposal), *others = stored(0.0)
    stopped = replace(trained(record, 81.0, 0.0), state="pruned", accuracy=None, predicted=88.0)
    trial = script["shown"]([(stopped, proposal), *others], ("accuracy", "params"), Layout(SPACE))[0]
    told = script["VARIANTS"]
    view = told["the start and epochs"].view(trial)
    assert view is trial and view.seen.predicted and view.seen.accuracy == 88.0
    view = told["the start; of stopped trials what they had reached, and epochs"].view(trial)
    assert not view.seen.predicted and view.seen.accuracy == 81.0 and view.epochs == 1
    assert view.seen.params == trial.seen.params


@pytest.mark.slow
def test_the_table_of_a_run(tmp_path: Path) -> None:
    run = unpack("finished", tmp_path)
    said = run_script("bench_told_replay.py", run, run, "--searches", 2)
    lines = said.strip().splitlines()
    assert "trainings" in lines[0] and lines[2].startswith("| told | 10 |")
    assert len(lines) == 4 + 8
    assert not list(tmp_path.rglob("study.db-*"))
