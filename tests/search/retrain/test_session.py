"""Retraining: resumable, compared with what it must be compared with, and tested once, at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from inline_engine import InlineEngine
from small_runs import SETTINGS, make_run

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.core.job import Metrics, Verdict
from lcsearch.core.records import RetrainRecord
from lcsearch.core.spec import ModelSpec
from lcsearch.data import Split, loading
from lcsearch.engines import Engine
from lcsearch.export.chosen import export_choice
from lcsearch.nets.tensors import trained_model
from lcsearch.runs.choose import choose
from lcsearch.runs.read import read_run
from lcsearch.runs.retrained import all_results, best_of, read_retrained, spread
from lcsearch.search.retrain import testing
from lcsearch.search.retrain.director import RetrainDirector, tasks_for
from lcsearch.search.retrain.picks import picks
from lcsearch.search.retrain.session import Request, RetrainSession

TWO = Request(trials=(4,), epochs=2, seeds=2)
"""Trial 4, and beside it the backbone, a uniform and a thinner model: eight trainings."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(original, tmp_path / "run"))


def opened(path: Path, request: Request = TWO, engine: Engine | None = None) -> RetrainSession:
    return RetrainSession(path, request, engine=engine or InlineEngine())


def whole(path: Path, request: Request = TWO) -> tuple[RetrainRecord, ...]:
    with opened(path, request) as work:
        assert work.run() is None
        return work.finish()


@pytest.fixture(scope="module")
def finished(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    path = Path(shutil.copytree(original, tmp_path_factory.mktemp("finished") / "run"))
    whole(path, replace(TWO, changes={"track": (f"tensorboard:{path.parent / 'board'}",)}))
    return path


def test_the_backbone_and_the_nearest_hand_picked_models_are_beside_the_front(original: Path) -> None:
    record = read_run(original)
    sizes = {trial.number: trial.params for trial in record.trials}
    assert sizes[1] > sizes[4] > sizes[2]
    assert {t.number for t in picks(record)} == {0, 3, 4, 5, nearest(sizes, 4, (1, 2))}
    assert {t.number for t in picks(record, numbers=(6,))} == {0, 3, 6, nearest(sizes, 6, (1, 2))}
    assert [t.params for t in picks(record)] == sorted(t.params for t in picks(record))


def nearest(sizes: dict[int, int], to: int, among: tuple[int, ...]) -> int:
    return min(among, key=lambda number: max(sizes[number], sizes[to]) / min(sizes[number], sizes[to]))


def test_top_keeps_what_carries_the_front(original: Path) -> None:
    """Trial 4 covers most of the box; trial 0 has no width on the size axis, so it adds nothing."""
    record = read_run(original)
    numbers = {t.number for t in picks(record, top=1)}
    assert 4 in numbers and 5 not in numbers


def test_what_cannot_be_retrained_is_one_clear_line(original: Path) -> None:
    record = read_run(original)
    with pytest.raises(InputError, match="trial: there is no trial 70"):
        picks(record, numbers=(70,))
    with pytest.raises(InputError, match="top: does not go with trial"):
        picks(record, top=1, numbers=(4,))
    with pytest.raises(InputError, match="no complete trial to retrain"):
        picks(replace(record, trials=()))


@pytest.mark.slow
def test_results_are_recorded_and_read_back_for_the_report(finished: Path) -> None:
    records = read_run(finished).retrained
    assert {record.trial for record in records} == {t.number for t in opened(finished).trials}
    assert all(record.seeds == (1, 2) and record.epochs == 2 for record in records)
    assert all(record.test_images == len(images_of_the_test_set()) for record in records)
    plain = yaml.safe_load((finished / "retrain" / "results.yaml").read_text())
    for model, record in zip(plain["models"], records, strict=True):
        assert model["mean"] == pytest.approx(sum(record.accuracies) / 2)
        assert tuple(model["test_accuracies"]) == record.accuracies
    assert "Final: test accuracy, mean of 2 seeds" in (finished / "report.html").read_text()


@pytest.mark.slow
def test_trackers_show_every_training_to_its_test(finished: Path) -> None:
    from event_files import scalars, succeeded

    results = all_results(finished)
    assert len(results) == 8
    for result in results:
        name = f"retrain-2-epochs-trial-{result.trial:04d}-seed-{result.seed}"
        folder = finished.parent / "board" / "run" / name
        assert [epoch for epoch, _ in scalars(folder, "accuracy")] == [1, 2] and succeeded(folder)
        assert scalars(folder, "test_accuracy") == [(0, pytest.approx(result.test_accuracy))]
        assert scalars(folder, "final_accuracy") == [(0, pytest.approx(result.accuracy))]


def images_of_the_test_set() -> Split:
    with data.final_evaluation():
        return data.test_split("digits", image_size=16)


@pytest.mark.slow
def test_the_recorded_accuracy_is_that_of_the_weights_on_the_test_set(finished: Path) -> None:
    from safetensors.torch import load_file

    from lcsearch.nets.surgery import build_model

    result = next(r for r in all_results(finished) if r.trial == 4 and r.seed == 2)
    model = build_model(read_run(finished).trials[4].spec.model)
    model.load_state_dict(load_file(result.weights))
    split, info = images_of_the_test_set(), data.load("digits", image_size=16).info
    images = (split.images.float() / 255 - info.mean[0]) / info.std[0]
    right = int((model.eval()(images).argmax(1) == split.labels).sum())
    assert result.test_accuracy == pytest.approx(100 * right / len(split))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many trainings had finished at each look at the test images."""
    seen: list[int] = []
    real: Callable[..., Split] = loading.test_split

    def watched(*args: object, **options: object) -> Split:
        seen.append(len(seen))
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(data, "test_split", watched)
    return seen


@pytest.mark.slow
def test_the_test_images_are_read_once_and_after_the_last_training(run: Path, reads: list[int]) -> None:
    request = replace(TWO, seeds=1)
    with opened(run, request) as work:
        work.run()
        assert reads == [] and all(task.result() is not None for task in work.tasks)
        assert all(result.test_accuracy is None for result in all_results(run))
        first = work.finish()
    assert reads == [0]
    assert whole(run, request) == first
    assert reads == [0]


def test_reading_test_images_elsewhere_raises(original: Path) -> None:
    with pytest.raises(RuntimeError, match="final evaluation only"):
        data.test_split("digits")
    source = Path(data.__file__).parents[1]
    users = {p.relative_to(source) for p in source.rglob("*.py") if "final_evaluation(" in p.read_text()}
    assert users == {Path("data/loading.py"), Path("search/retrain/testing.py")}


@pytest.mark.slow
def test_nothing_is_chosen_by_test_accuracy(finished: Path, tmp_path: Path) -> None:
    """With the test accuracies turned upside down every choice is the same."""
    import shutil

    turned = Path(shutil.copytree(finished, tmp_path / "turned"))
    for result in all_results(turned):
        replace(result, test_accuracy=100 - (result.test_accuracy or 0)).write()
    plain = yaml.safe_load((turned / "retrain" / "results.yaml").read_text())
    for model in plain["models"]:
        model["test_accuracies"] = [100 - accuracy for accuracy in model["test_accuracies"]]
    (turned / "retrain" / "results.yaml").write_text(yaml.safe_dump(plain))
    before, after = read_run(finished), read_run(turned)
    assert before.retrained != after.retrained
    for top in (None, 1, 2):
        assert [t.number for t in picks(before, top)] == [t.number for t in picks(after, top)]
    assert best_of(finished, before.trials[4]).seed == best_of(turned, after.trials[4]).seed
    for way in ({"knee": True}, {"max_drop": 0.5}, {"max_params": 200_000}):
        chosen = [choose(r.trials, r.baseline, **way).trial.number for r in (before, after)]  # type: ignore[arg-type]
        assert chosen[0] == chosen[1]


class Interrupting(InlineEngine):
    """Interrupts after the second training's first epoch, as Ctrl-C does."""

    def run(self, director, objective) -> None:  # type: ignore[no-untyped-def]
        heard = []
        real = director.on_epoch

        def on_epoch(number: int, epoch: int, metrics: Metrics) -> Verdict:
            heard.append(epoch)
            if len(heard) == 3:
                director.interrupt()
            return real(number, epoch, metrics)  # type: ignore[no-any-return]

        director.on_epoch = on_epoch
        super().run(director, objective)


@pytest.mark.slow
def test_interrupted_and_taken_up_again_it_reaches_the_same(run: Path, finished: Path) -> None:
    with opened(run, engine=Interrupting()) as work:
        work.run()
        assert work.director.interrupted
    assert len(all_results(run)) == 1
    assert len(list(run.glob("retrain/*/*/*/checkpoint.pt"))) == 1
    records = whole(run)
    assert records == read_retrained(finished)
    assert outline(run) == outline(finished)


def outline(path: Path) -> list[tuple[object, ...]]:
    return [(r.trial, r.seed, r.accuracy, r.test_accuracy) for r in all_results(path)]


@pytest.mark.slow
def test_more_seeds_keep_those_that_are_there(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = whole(run, replace(TWO, seeds=1))
    tested: list[Path] = []

    def watched(spec: ModelSpec, weights: Path) -> object:
        tested.append(weights)
        return trained_model(spec, weights)

    monkeypatch.setattr(testing, "trained_model", watched)
    kept = {path: path.stat().st_mtime_ns for path in run.glob("retrain/*/*/seed-1/weights.safetensors")}
    two = whole(run)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert len(tested) == 4 and all(path.parent.name == "seed-2" for path in tested)
    assert [r.accuracies[:1] for r in two] == [r.accuracies for r in one]
    assert all(len(set(r.accuracies)) <= 2 and r.seeds == (1, 2) for r in two)


def test_a_lost_worker_gets_another_chance_and_a_failed_training_is_left_out(run: Path) -> None:
    record = read_run(run)
    tasks = tasks_for(run, record.trials[4:6], epochs=2, seeds=1, settings=SETTINGS)
    said: list[str] = []
    director = RetrainDirector(tasks, seed=0, max_failures=1, say=said.append)
    first, second = director.next_job(), director.next_job()
    assert first is not None and second is not None and first.seed == second.seed
    assert first.spec.recipe.epochs == 2 and not first.resume
    director.on_lost(first.number, "killed")
    again = director.next_job()
    assert again is not None and again.resume and again.attempt == 1
    director.on_failed(second.number, "loss is nan")
    director.on_lost(again.number, "killed")
    assert director.finished
    assert set(director.failed) == {"trial 4, seed 1", "trial 5, seed 1"}


@pytest.mark.slow
def test_the_retrained_weights_can_be_exported(finished: Path, tmp_path: Path) -> None:
    record = read_run(finished)
    path = tmp_path / "best.safetensors"
    choice = choose(record.trials, None, trial=4)
    done = export_choice(record, choice, "weights", path, retrained=True)
    best = max((r for r in all_results(finished) if r.trial == 4), key=lambda r: (r.accuracy, -r.seed))
    assert done.agreement is not None
    assert done.agreement.accuracy == pytest.approx(best.accuracy)
    assert f"retrained, seed {best.seed}" in path.read_bytes()[:4000].decode("utf-8", "ignore")


def test_spread_by_hand() -> None:
    """Mean 91, deviation 1; t of 2 degrees of freedom at 97.5 % is 4.302653 in every table."""
    found = spread([90.0, 91.0, 92.0])
    assert (found.mean, found.std) == (91.0, 1.0)
    assert found.high == pytest.approx(91 + 4.302653 / 3**0.5, abs=1e-5)
    assert found.low == pytest.approx(91 - 4.302653 / 3**0.5, abs=1e-5)
    assert spread([90.0]).std is None and spread([90.0]).low is None


def test_damaged_results_are_one_clear_line(run: Path) -> None:
    path = run / "retrain" / "results.yaml"
    path.parent.mkdir()
    for text, reason in (
        ("{", "line 1, column 2"),
        ("version: 2", "version 2 is not 1"),
        ("version: 1", "damaged"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=f"results.yaml: .*{reason}"):
            read_run(run)
