"""RetrainSession from fresh weights or on from the compressed ones: trained, compared, tested and said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from inline_engine import InlineEngine
from safetensors.torch import load_file
from small_runs import SETTINGS, make_run

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.core.records import RetrainRecord
from lcsearch.core.spec import Recipe
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.retrained import Result, all_results, better
from lcsearch.search.retrain.session import Request, RetrainSession
from lcsearch.search.retrain.ways import Starts, compared, default_way, recipe_of, summary
from lcsearch.train.fine_tune import FINE_TUNE
from lcsearch.train.start import Start
from lcsearch.train.teacher import read_teacher

pytestmark = pytest.mark.slow

ONE = Request(trials=(5,), epochs=1, seeds=1)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make_run`, but with weights of every trial that is retrained."""
    path = make_run(tmp_path_factory.mktemp("runs") / "small")
    from lcsearch.core.job import Job
    from lcsearch.search.workers import make_objective

    for trial in read_run(path).trials[1:4]:
        folder = str(path / "trials" / str(trial.number))
        make_objective(SETTINGS)(Job(trial.number, 0, 1, trial.spec, folder, False), lambda *_: True)
    return path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "run"))


def whole(path: Path, request: Request) -> tuple[tuple[RetrainRecord, ...], RetrainSession]:
    with RetrainSession(path, request, engine=InlineEngine()) as work:
        assert work.run() is None
        return work.finish(), work


def test_it_goes_on_from_the_very_weights(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With next to no learning rate the weights are those of the trial still."""
    monkeypatch.setitem(FINE_TUNE, "lr", 1e-12)
    records, _ = whole(run, replace(ONE, init="compressed"))
    assert all(record.init == "compressed" for record in records)
    for result in all_results(run):
        before, after = (
            load_file(run / f"trials/{result.trial}/weights.safetensors"),
            load_file(result.weights),
        )
        trained = [name for name in before if name.endswith(("weight", "primary", "column", "row"))]
        assert trained
        for name in trained:
            assert before[name].sub(after[name]).abs().max() < 1e-5, name


def test_both_ways_are_compared_on_validation_and_only_the_better_is_tested(run: Path) -> None:
    records, work = whole(run, replace(ONE, init="both"))
    results = {(r.trial, r.init): r for r in all_results(run)}
    assert len(results) == 2 * len(records) == 2 * len(work.trials)
    comparisons = work.comparisons()
    for record, comparison in zip(records, sorted_by_size(run, comparisons), strict=True):
        scratch, compressed = (results[record.trial, way] for way in ("scratch", "compressed"))
        expected = compressed if compressed.accuracy > scratch.accuracy else scratch
        other = scratch if expected is compressed else compressed
        assert record.init == comparison.better == expected.init
        assert record.accuracies == (expected.test_accuracy,) and other.test_accuracy is None
    plain = yaml.safe_load((run / "retrain" / "results.yaml").read_text())
    assert [model["init"] for model in plain["models"]] == [record.init for record in records]
    assert all(len(model["other_init_validation_accuracies"]) == 1 for model in plain["models"])
    assert read_run(run).retrained == records
    lines = summary(comparisons)
    wins = sum(record.init == "compressed" for record in records)
    assert f"better for {wins} of {len(records)} models" in lines[-1]
    assert whole(run, replace(ONE, init="both"))[0] == records


def sorted_by_size(run: Path, comparisons):  # type: ignore[no-untyped-def]
    params = {trial.number: trial.params for trial in read_run(run).trials}
    return sorted(comparisons, key=lambda c: (params[c.trial], c.trial))


def result(trial: int, init: str, accuracy: float, seed: int = 1) -> Result:
    return Result(trial, seed, 3, "x", accuracy, Path(), init)  # type: ignore[arg-type]


def test_the_comparison_by_hand() -> None:
    results = [
        *(result(4, "scratch", accuracy, seed) for seed, accuracy in enumerate((90.0, 92.0), 1)),
        *(result(4, "compressed", accuracy, seed) for seed, accuracy in enumerate((91.0, 92.0), 1)),
        result(7, "scratch", 95.0),
        result(7, "compressed", 94.0),
        result(8, "scratch", 99.0),
    ]
    four, seven = compared(results)
    assert (four.better, seven.better) == ("compressed", "scratch")
    assert str(four).startswith("trial 4: 91.00 ± 1.41 % from scratch, 91.50 ± 0.71 % from its compressed")
    assert "better for 1 of 2 models, by -0.25 points on average" in summary([four, seven])[-1]
    assert {r.init for r in better(results[:4])} == {"compressed"}
    assert summary([]) == []


def test_weights_that_are_gone_are_one_clear_line(run: Path) -> None:
    (run / "trials/5/weights.safetensors").unlink()
    with pytest.raises(
        InputError, match=r"init='compressed': trial 5: its weights are gone .*init='scratch'"
    ):
        RetrainSession(run, replace(ONE, init="compressed"))
    RetrainSession(run, ONE)


def test_once_begun_it_needs_the_trials_weights_no_more(run: Path) -> None:
    first, _ = whole(run, replace(ONE, init="compressed"))
    for path in run.glob("trials/*/weights.safetensors"):
        path.unlink()
    both, _ = whole(run, replace(ONE, init="compressed", seeds=2))
    assert [r.accuracies[:1] for r in both] == [r.accuracies for r in first]


def test_how_each_way_trains(original: Path) -> None:
    trial = read_run(original).trials[4]
    tuned = Recipe(epochs=1, lr=0.01, init="backbone", distill=0.5)
    settings = replace(SETTINGS, init="trained", fine_tune=tuned)
    cut = replace(trial, spec=replace(trial.spec, recipe=replace(tuned, weight_decay=0.1)))
    assert recipe_of(trial, "scratch", 9, SETTINGS) == replace(trial.spec.recipe, epochs=9)
    assert recipe_of(cut, "scratch", 9, settings) == replace(SETTINGS.recipe, epochs=9)
    assert recipe_of(cut, "compressed", 9, settings) == replace(tuned, weight_decay=0.1, epochs=9)
    assert recipe_of(trial, "compressed", 9, settings) == replace(tuned, epochs=9)
    alone = recipe_of(trial, "compressed", 9, SETTINGS)
    assert (alone.init, alone.lr, alone.epochs, alone.distill) == ("backbone", FINE_TUNE["lr"], 9, 0.0)
    assert (default_way(SETTINGS), default_way(settings)) == ("scratch", "compressed")


def test_a_teacher_speaks_of_as_many_views_as_the_longer_training_has(run: Path) -> None:
    record = read_run(run)
    shutil.copytree(run / "trials/0", run / "start")
    (run / "start/weights.safetensors").rename(run / "start/backbone.safetensors")
    images = data.load("digits", train_images=128, validation_images=100, image_size=16)
    starts = Starts(run, SETTINGS, record.trials[0], lambda: images, "", lambda line: None)
    recipe = Recipe(epochs=5, init="backbone", distill=0.5, crop=1)
    folder = run / "retrain/5-epochs-compressed/trial-4/start"
    starts.write(record.trials[4], recipe, folder)
    assert read_teacher(Start(folder).teacher).outputs.shape == (5, 128, 10)
    assert Start(folder).compressed.read_bytes() == (run / "trials/4/weights.safetensors").read_bytes()


@pytest.fixture
def ended_early(run: Path) -> Path:
    """As a run that trained its backbone and ended before it cut a model out of it."""
    tuned = Recipe(epochs=1, batch_size=32, lr=0.01, init="backbone", distill=0.5)
    directory = RunDirectory(run)
    recorded = directory.read()
    settings = replace(recorded.settings, init="trained", fine_tune=tuned)
    directory.write(replace(recorded, settings=settings))
    assert not directory.start.exists()
    return run


def test_a_run_that_ended_before_its_first_cut_has_a_teacher(ended_early: Path) -> None:
    records, work = whole(ended_early, replace(ONE, trials=(0,)))
    assert work.director.failed == {} and {record.init for record in records} == {"compressed"}
    taught = ended_early / "retrain/1-epochs-compressed/start/backbone.safetensors"
    assert taught.read_bytes() == (ended_early / "trials/0/weights.safetensors").read_bytes()
    (ended_early / "trials/0/weights.safetensors").unlink()
    again, _ = whole(ended_early, replace(ONE, trials=(0,)))
    assert again == records


def test_without_the_backbones_weights_it_is_said_before_anything(ended_early: Path) -> None:
    (ended_early / "trials/0/weights.safetensors").rename(ended_early / "trials/0/other.safetensors")
    before = sorted(ended_early.rglob("*"))
    with pytest.raises(
        InputError, match=r"init='compressed': .*start/backbone.* is missing, .*init='scratch'"
    ):
        RetrainSession(ended_early, replace(ONE, trials=(3,)))
    assert sorted(ended_early.rglob("*")) == before
