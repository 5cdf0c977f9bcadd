"""Models that keep next to nothing of the backbone train from scratch, as long as it and what follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cut_search import SCRATCH, TAUGHT, opened, search
from simulated_search import bound_base
from simulated_search import session as session_from_scratch

from lcsearch.core.spec import Recipe
from lcsearch.search.samplers import CUT_FROM, CUT_OUT

pytestmark = pytest.mark.slow

SMALL = replace(SCRATCH, epochs=3 + 4, distill=0.5)
BACKBONE = bound_base().params(bound_base().plain())


@pytest.mark.parametrize("share", [0.0, 1 / 8, 1 / 3])
def test_a_model_below_the_share_starts_from_scratch(tmp_path: Path, share: float) -> None:
    trials = search(tmp_path / "run", fine_tune=TAUGHT, trials=60, scratch_below=share)
    chosen = [trial for trial in trials if trial.origin in ("sensitivity", "sampler", "uniform")]

    def expected(params: int) -> Recipe:
        return SMALL if params < share * BACKBONE else TAUGHT

    assert [trial.spec.recipe for trial in chosen] == [expected(trial.params or 0) for trial in chosen]
    small = [trial for trial in chosen if trial.spec.recipe == SMALL]
    assert bool(small) == (share > 0)
    assert any(trial.origin == "sampler" for trial in (small or chosen))
    assert {trial.parent for trial in small} <= {None}


def test_of_what_promises_to_lose_the_least_the_small_ones_from_scratch_come_first(tmp_path: Path) -> None:
    """Then what is cut out, largest first, each out of the one before."""

    def sizes(share: float) -> list[int | None]:
        trials = search(tmp_path / str(share), fine_tune=TAUGHT, trials=4, scratch_below=share)
        return [trial.params for trial in trials if trial.origin == "sensitivity"]

    larger, smaller = sizes(0.0)
    assert larger and smaller and smaller < larger < BACKBONE
    for share in ((larger + smaller) / 2 / BACKBONE, 1.0):
        assert sizes(share) == [smaller, larger]


def test_a_run_says_so_unless_it_knows_nothing_of_it(tmp_path: Path) -> None:
    search(tmp_path / "run", fine_tune=TAUGHT, trials=2, scratch_below=1 / 64)
    text = (tmp_path / "run/run.yaml").read_text()
    assert "scratch_below: 0.015625" in text


def test_samplers_are_told_who_starts_how(tmp_path: Path) -> None:
    """Of each trial, and from which size on new models are cut out: what those then are that they propose."""
    with opened(tmp_path / "run", fine_tune=TAUGHT, trials=30, scratch_below=1 / 8) as session:
        assert session.run() is None
        study, trials = session.director._proposer._view.study, list(session.director.history)
    assert study.user_attrs == {CUT_FROM: BACKBONE / 8}
    taught = {trial.params: trial.spec.recipe == TAUGHT for trial in trials if not trial.spec.model.channels}
    shown = {int(trial.values[1]): trial.user_attrs[CUT_OUT] for trial in study.get_trials()}
    assert shown == {params: taught[params] for params in shown} and {*shown.values()} == {False, True}
    sampled = [trial for trial in trials if trial.origin == "sampler"]
    assert [t.params >= BACKBONE / 8 for t in sampled] == [t.spec.recipe == TAUGHT for t in sampled]


def test_samplers_are_told_nothing_of_it_where_all_train_from_scratch(tmp_path: Path) -> None:
    with session_from_scratch(tmp_path / "run", trials=8) as session:
        assert session.run() is None
        study = session.director._proposer._view.study
    assert not study.user_attrs and not any(trial.user_attrs for trial in study.get_trials())
