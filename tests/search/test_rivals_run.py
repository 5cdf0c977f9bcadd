"""What one would pick by hand, in searches that cut their models out of a backbone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cut_search import PICKED, SCRATCH, TAUGHT, finish, opened, search

pytestmark = pytest.mark.slow


def test_rivals_that_learn_from_the_backbone_wait_for_it_too(tmp_path: Path) -> None:
    """Trained from scratch for the epochs of both, they learn from it as what is cut out of it does."""
    with opened(tmp_path / "run", fine_tune=TAUGHT) as session:
        search = session.director
        jobs = [search.next_job() for _ in range(2)]
        assert [job and job.number for job in jobs] == [0, None]
        finish(search, jobs[0])
        found = [search.next_job() for _ in range(4)]
        finish(search, found[2])  # while it trains, the same net cut out may not be needed
        found.append(search.next_job())
    assert [job and job.spec.recipe for job in found] == [
        *[TAUGHT] * 2,
        replace(SCRATCH, epochs=3 + 4, distill=0.5),
        *[TAUGHT] * 2,
    ]
    thinner, uniform, cut = (job.spec.model for job in found[2:] if job is not None)
    assert thinner == cut and thinner.channels and uniform.layers
    assert {job and job.start for job in found} == {str(tmp_path / "run/start")}


def test_at_each_size_the_rivals_come_together(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", fine_tune=TAUGHT, trials=20)
    rivals = trials[3 : 3 + len(PICKED)]
    assert [t.origin for t in rivals] == PICKED
    sizes = [t.params for t in rivals]
    assert max(sizes[:3]) < min(sizes[3:6]) and max(sizes[-6:-3]) < min(sizes[-3:])
