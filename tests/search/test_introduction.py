"""What is said of a search before its first trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lcsearch.search.make import create
from lcsearch.search.session import SearchSession

pytestmark = pytest.mark.slow


def made(out: Path, init: str) -> SearchSession:
    said = {"backbone": "base", "dataset": "digits", "train_images": 200, "epochs": 1, "device": "cpu"}
    return create({**said, "trials": 1, "init": init, "sampler": "random", "out": out})


def said(session: SearchSession, trials: int) -> str:
    """Who proposes so many trials, as the introduction says."""
    session.settings = replace(session.settings, trials=trials)
    start, end = f"{trials} trial{'s' if trials > 1 else ''} of 1 epoch, ", ", early stopping "
    [found] = [line for line in session.introduction() if line.startswith(start)]
    return found.removeprefix(start).split(end)[0]


def planned_in(session: SearchSession) -> int:
    """Candidates that come before the sampler's first."""
    proposer, history = session.director._proposer, session.director.history
    count = 0
    while (found := proposer.next(history)) is not None and found.origin != "sampler":
        count += 1
    return count


def test_the_sampler_is_named_where_it_proposes(tmp_path: Path) -> None:
    with made(tmp_path / "run", "scratch") as session:
        planned = planned_in(session)
        assert 4 < planned < 50
        words = f"up to {planned} of them planned, the others by random"
        assert said(session, 50) == said(session, planned + 1) == words
        assert said(session, planned) == said(session, 1) == "all of them planned"


def test_what_layers_lose_alone_proposes_more_than_is_known_before(tmp_path: Path) -> None:
    session = made(tmp_path / "run", "trained")
    assert said(session, 50) == "planned ones first, the others by random"
    assert said(session, 2) == "all of them planned"
    session.settings = replace(session.settings, screen=6)
    assert said(session, 50) == "planned ones first, the others by random"
    assert said(session, 2) == "all of them planned, so that none is chosen by screening"
