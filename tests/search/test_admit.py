"""What becomes of a proposal before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lcsearch.core.job import Parent
from lcsearch.core.records import LayerCount, Origin, TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.core.seeds import trial_seed
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.nets.count import Count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.store import Proposal
from lcsearch.search.admit import Admission, as_duplicate
from lcsearch.search.history import History
from lcsearch.search.proposals.plan import Candidate

TUNED = Recipe(init="backbone")


LAYERS = (LayerCount("features.0", "conv", 100, 1000),)


def size(model: ModelSpec) -> Count:
    """A thousand parameters and ten thousand MACs at full width."""
    return Count(round(1000 * model.width), round(10_000 * model.width), LAYERS)


def admission(folder: Path, **settings: object) -> Admission:
    made = RunSettings("base", "digits", seed=3, **settings)  # type: ignore[arg-type]
    return Admission(RunDirectory(folder), made, size)


def candidate(width: float, origin: Origin = "sampler", recipe: Recipe = TUNED) -> Candidate:
    spec = TrialSpec(ModelSpec("base", 10, 1, width), recipe=recipe)
    return Candidate(origin, "a label", spec, Proposal())


def finished(admitted: TrialRecord, accuracy: float) -> TrialRecord:
    return replace(admitted, state="complete", accuracy=accuracy, metrics={"loss": 1.0})


def test_what_is_new_and_within_the_limits_is_trained(tmp_path: Path) -> None:
    record = admission(tmp_path, max_params=500, max_macs=5000).admit(candidate(0.5), History())
    assert (record.number, record.state, record.params, record.macs) == (0, "running", 500, 5000)
    assert (record.origin, record.label, record.duplicate_of, record.parent) == (
        "sampler",
        "a label",
        None,
        None,
    )
    assert record.layers == LAYERS
    assert record.started_at is not None and record.finished_at is None


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_params": 499}, "over max_params"),
        ({"max_macs": 4999}, "over max_macs"),
        ({"max_params": 499, "max_macs": 4999}, "over max_params and max_macs"),
    ],
)
def test_what_is_over_a_limit_is_rejected(tmp_path: Path, limits: dict[str, int], reason: str) -> None:
    record = admission(tmp_path, inherit=True, **limits).admit(candidate(0.5), History())
    assert (record.state, record.reason, record.parent) == ("rejected", reason, None)
    assert record.finished_at is not None


def test_limits_do_not_bind_the_backbone(tmp_path: Path) -> None:
    assert admission(tmp_path, max_params=1).admit(candidate(1.0, "baseline"), History()).state == "running"


def test_a_duplicate_has_what_its_original_has_so_far(tmp_path: Path) -> None:
    admits, history = admission(tmp_path, inherit=True), History()
    original = admits.admit(candidate(0.5), history)
    history.update(original)
    early = admits.admit(candidate(0.5), history)
    assert (early.number, early.state, early.duplicate_of, early.finished_at) == (1, "running", 0, None)
    history.update(finished(original, 90.0))
    late = admits.admit(candidate(0.5), history)
    assert (late.state, late.accuracy, late.duplicate_of, late.parent) == ("complete", 90.0, 0, None)
    assert late.reason == "the same model as trial 0" and late.finished_at is not None
    assert late.metrics == {"loss": 1.0}
    assert as_duplicate(early, history[0]).accuracy == 90.0
    stopped = replace(original, state="pruned", predicted=85.0, predicted_error=0.7)
    late = as_duplicate(early, stopped)
    assert (late.predicted, late.predicted_error) == (85.0, 0.7)


@pytest.mark.parametrize("inherit", [True, False])
def test_a_model_is_cut_out_of_its_parent_where_the_run_says_so(tmp_path: Path, inherit: bool) -> None:
    admits, history = admission(tmp_path, inherit=inherit), History()
    history.update(finished(admits.admit(candidate(0.5), history), 90.0))
    record = admits.admit(candidate(0.25), history)
    assert record.parent == (0 if inherit else None)
    job = admits.job(record, history, resume=False)
    larger = candidate(0.5).spec.model
    assert job.parent == (Parent(str(tmp_path / "trials/0"), larger) if inherit else None)


def test_what_is_cut_out_is_looked_at_before_it_is_trained(tmp_path: Path) -> None:
    """Not so what is trained from scratch, and what was looked at already."""
    plain = admission(tmp_path, max_params=600, inherit=True)
    admits, history = replace(plain, held=25), History()

    def held(admits: Admission, record: TrialRecord) -> int:
        return admits.job(record, history, resume=False).held

    first = admits.admit(candidate(0.5), history)
    assert first.screened is None and (held(admits, first), held(plain, first)) == (25, 0)
    assert held(admits, replace(first, screened=Screened(50.0, 1, 10))) == 0
    assert held(admits, admits.admit(candidate(0.25, recipe=Recipe()), history)) == 0


def test_what_was_chosen_by_a_look_is_cut_out_of_what_it_was_cut_out_of_then(tmp_path: Path) -> None:
    """The front may have changed since."""
    admits, history = replace(admission(tmp_path, inherit=True), held=25), History()
    for width in (0.75, 0.5):
        history.update(finished(admits.admit(candidate(width), history), 80 + 10 * width))
    seen = replace(candidate(0.25), screened=Screened(77.0, 3, 5), parent=0)
    record = admits.admit(seen, history)
    assert (record.screened, record.parent) == (seen.screened, 0)
    assert admits.admit(candidate(0.25), history).parent == 1
    scratch = replace(seen, parent=None)
    assert admits.admit(scratch, history).parent is None


@pytest.mark.parametrize("profile", [True, False])
def test_a_job_says_whether_its_time_is_measured(tmp_path: Path, profile: bool) -> None:
    admits = admission(tmp_path, profile=profile)
    assert admits.job(admits.admit(candidate(0.5), History()), History(), resume=False).profile is profile


def test_a_job_says_where_and_from_what_it_starts(tmp_path: Path) -> None:
    admits = admission(tmp_path)
    tuned = admits.job(admits.admit(candidate(0.5), History()), History(), resume=True)
    assert (tuned.number, tuned.attempt, tuned.resume, tuned.spec) == (0, 0, True, candidate(0.5).spec)
    assert tuned.seed == trial_seed(3, 0)
    assert (tuned.directory, tuned.start) == (str(tmp_path / "trials/0"), str(tmp_path / "start"))
    fresh = admits.job(admits.admit(candidate(0.5, recipe=Recipe()), History()), History(), resume=False)
    assert (fresh.start, fresh.resume, fresh.seed) == ("", False, tuned.seed)


@pytest.mark.parametrize(
    ("settings", "first", "later"),
    [
        ({"init": "trained", "threads_alone": 6}, 6, 0),
        ({"init": "trained"}, 2, 0),  # a run of an older version
        ({"init": "weights.safetensors", "threads_alone": 6}, 0, 0),
    ],
)
def test_the_backbone_that_others_wait_for_has_threads_of_its_own(
    tmp_path: Path, settings: dict[str, object], first: int, later: int
) -> None:
    admits = admission(tmp_path, threads=2, fine_tune=Recipe(init="backbone", distill=0.5), **settings)
    history = History()
    for place, (one, threads) in enumerate([("baseline", first), ("uniform", later)]):
        record = admits.admit(candidate(1 - place / 2, one), history)  # type: ignore[arg-type]
        history.update(record)
        assert admits.job(record, history, resume=False).threads == threads
