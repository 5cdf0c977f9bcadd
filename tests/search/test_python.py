"""`lcsearch.search` with loops that train nothing, in this process unless workers are what is tested."""

from __future__ import annotations

import functools
import inspect
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
import simulated_objectives as simulated
import torch
import yaml
from inline_engine import installed_inline
from outline import outline
from spaces import ALPHA_ALONE
from tiny_net import tiny

import lcsearch
from lcsearch.core.errors import InputError
from lcsearch.core.records import RunRecord
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

ASKED: dict[str, Any] = {
    "backbone": "base", "num_classes": 10, "in_channels": 1, "image_size": 16, "validation_images": 1000,
    "trials": 12, "epochs": 3, "jobs": 1, "engine": "inline", "device": "cpu",
    "sampler": "tpe", "quiet": True,
}  # fmt: skip


def search(out: Path, objective: Any = simulated.smooth, **changes: Any) -> RunRecord:
    return lcsearch.search(ALPHA_ALONE, objective, **{**ASKED, "out": out, **changes})


@pytest.fixture(scope="module", autouse=True)
def in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed_inline(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return search(tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture(scope="module")
def five_trials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first session left; tests go on with a copy."""
    return search(tmp_path_factory.mktemp("runs") / "parts", trials=5).path


def lcsearch_cli(*arguments: str) -> int:
    from lcsearch.cli.main import call

    return call(list(arguments))


def test_the_package_is_called_like_the_function() -> None:
    """Whatever was imported before: ``lcsearch.search`` is a package too."""
    import lcsearch.search.director
    from lcsearch.search import python

    assert callable(lcsearch.search)
    assert inspect.signature(lcsearch.search) == inspect.signature(python.search)


def test_a_run_leaves_what_every_command_reads(
    finished: RunRecord, capfd: pytest.CaptureFixture[str]
) -> None:
    assert sum(t.state in ("complete", "pruned") and t.duplicate_of is None for t in finished.trials) == 12
    assert (finished.path / "report.html").stat().st_size > 1_000_000
    recorded = finished.settings["settings"]
    assert recorded["objective"] == "simulated_objectives:smooth"
    assert "simulated_objectives.smooth" in (finished.path / "report.html").read_text()
    capfd.readouterr()
    assert lcsearch_cli("status", str(finished.path), "--json") == 0
    assert json.loads(capfd.readouterr().out)["trials"]["running"] == 0
    best = finished.path.parent / "best.yaml"
    assert lcsearch_cli("export", str(finished.path), "--knee", "--format", "yaml", "-o", str(best)) == 0
    assert isinstance(lcsearch.load_model(best), torch.nn.Module)


def test_metrics_reach_the_record_and_each_trial_is_seeded(finished: RunRecord) -> None:
    complete = finished.complete
    assert all(t.metrics["kept"] == sum(x.alpha for x in t.spec.model.layers.values()) for t in complete)
    assert len({t.metrics["drawn"] for t in complete}) == len(complete)
    assert all(e.train_loss == 1.0 and e.seconds > 0.003 for t in complete for e in t.epochs)


def test_early_stopping_stops_trials_and_stopped_loops_leave(finished: RunRecord) -> None:
    stopped = [t for t in finished.trials if t.state == "pruned" and t.duplicate_of is None]
    assert stopped and all(len(t.epochs) in (1, 3) and not t.decisions[-1].go_on for t in stopped)


def test_called_again_it_goes_on(finished: RunRecord, five_trials: Path, tmp_path: Path) -> None:
    parts = shutil.copytree(five_trials, tmp_path / "parts")
    assert outline(search(parts, trials=12).trials) == outline(finished.trials)
    assert outline(search(parts, trials=None).trials) == outline(finished.trials)


def test_trackers_follow_it_when_it_goes_on_until_there_are_to_be_none(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from event_files import assert_shown

    search(tmp_path / "run", trials=2, track=[f"tensorboard:{tmp_path / 'board'}"])
    followed = search(tmp_path / "run", trials=3)
    alone = search(tmp_path / "run", trials=4, track=[])
    assert len(alone.trials) > len(followed.trials)
    assert_shown(tmp_path / "board" / "run", followed.trials)


def test_the_command_line_resumes_an_objective_with_a_name(
    finished: RunRecord, five_trials: Path, tmp_path: Path
) -> None:
    parts = shutil.copytree(five_trials, tmp_path / "parts")
    assert lcsearch_cli("resume", str(parts), "--trials", "12") == 0
    assert outline(read_run(parts).trials) == outline(finished.trials)


def test_no_model_trains_on_by_a_loop_of_the_users(
    five_trials: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    parts = shutil.copytree(five_trials, tmp_path / "parts")
    before = (parts / "run.yaml").read_bytes()
    assert lcsearch_cli("resume", str(parts), "--trials", "12", "--finish", "0.5") == 2
    said = capfd.readouterr().err
    assert said.startswith("lcsearch: error: --finish 0.5: means nothing here: a training loop of your own")
    assert len(said.splitlines()) == 1 and (parts / "run.yaml").read_bytes() == before


def nameless(loop: Any) -> Any:
    """A loop that travels with its code."""
    return lambda spec, report: loop(spec, report)


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray is for Linux")
def test_on_ray_it_is_the_same_search(finished: RunRecord, tmp_path: Path) -> None:
    """The first half in a real Ray, the second in local workers, by a loop that neither can import."""
    pytest.importorskip("tensorboard")
    from event_files import assert_shown

    parts, loop, board = tmp_path / "parts", nameless(simulated.smooth), f"tensorboard:{tmp_path / 'board'}"
    half = search(parts, loop, trials=6, engine="ray", track=[board])
    assert_shown(tmp_path / "board" / "parts", half.trials)
    assert all("/" in trial.worker for trial in half.complete if trial.duplicate_of is None)  # ADDRESS/NODE
    assert outline(search(parts, loop, engine="local").trials) == outline(finished.trials)


ALTERED: list[tuple[dict[str, Any], list[str]]] = [
    ({"seed": 1}, ["seed", "1", "0"]),
    ({"epochs": 4}, ["epochs", "4", "3"]),
    ({"recipe": {"lr": 0.5}}, ["lr", "0.5", "0.05"]),
    ({"image_size": 32}, ["image_size", "32", "16"]),
    ({"validation_images": 99}, ["validation_images", "99", "1000"]),
    ({"sampler": "random"}, ["sampler", "'random'", "'tpe'"]),
    ({"early_stopping": "none"}, ["early_stopping", "'none'", "'pareto'"]),
    ({"max_params": "100k"}, ["max_params", "100000", "None"]),
    ({"backbone": "vgg11"}, ["backbone", "'vgg11'", "'base'"]),
    ({"backbone": tiny}, ["backbone", "'tiny_net:tiny'", "'base'"]),
    ({"objective": simulated.odd}, ["objective", "odd", "smooth"]),
]


@pytest.mark.parametrize(("changes", "expected"), ALTERED, ids=[next(iter(c)) for c, _ in ALTERED])
def test_what_would_alter_a_result_is_refused_by_name(
    finished: RunRecord, changes: dict[str, Any], expected: list[str]
) -> None:
    before = (finished.path / "run.yaml").read_text()
    with pytest.raises(InputError) as refused:
        search(finished.path, **{"objective": simulated.smooth, **changes})
    assert all(part in str(refused.value) for part in expected), refused.value
    assert (finished.path / "run.yaml").read_text() == before


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"objective": nameless(Lock())}, ["objective: 'loop', which nameless", "'_thread.lock'", "inside"]),
    ({"objective": 5}, ["objective", "5", "int"]),
    ({"num_classes": 0}, ["num_classes", "0"]),
    ({"epochs": 0}, ["epochs", "0"]),
    ({"jobs": 1.5}, ["jobs", "1.5"]),
    ({"engine": "rey"}, ["engine", "'rey'", "'ray'"]),
    ({"early_stopping": "maybe"}, ["early_stopping", "'maybe'"]),
    ({"max_params": "lots"}, ["max_params", "'lots'", "1.5M"]),
    ({"max_params": 10}, ["max_params: ", "smallest possible model"]),
    ({"timeout": "soon"}, ["timeout", "'soon'"]),
    ({"sampler": "tpee"}, ["sampler", "'tpee'"]),
    ({"backbone": "vgg12"}, ["backbone", "'vgg12'"]),
    ({"recipe": {"lrr": 1}}, ["recipe", "lrr"]),
    ({"objectives": "accuracy"}, ["objectives", "list"]),
    ({"metric": "macro-f1"}, ["metric=", "'macro-f1'", "means nothing here", "the objective returns"]),
    ({"given": ["missing.yaml"]}, ["missing.yaml"]),
]


@pytest.mark.parametrize(("changes", "expected"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_bad_input_is_one_line_and_makes_nothing(
    tmp_path: Path, changes: dict[str, Any], expected: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        search(tmp_path / "run", **{"objective": simulated.smooth, **changes})
    assert "\n" not in str(refused.value)
    assert all(part in str(refused.value) for part in expected), refused.value
    assert not (tmp_path / "run").exists()


def test_what_an_objective_gets_wrong_is_the_reason_of_its_trial(tmp_path: Path) -> None:
    trials = search(tmp_path / "run", simulated.odd, trials=13, early_stopping="none").trials
    assert [t.accuracy for t in trials[:3]] == [91.5, 92.5, 93.0]
    reasons = {t.number: t.reason for t in trials if t.state == "failed"}
    assert reasons == {
        3: "accuracy is nan",
        4: "the objective gave no 'accuracy'",
        5: "the objective's result: accuracy is None, of type NoneType; a number is needed",
        6: "the objective's result: accuracy is 'high', of type str; a number is needed",
        7: "the objective's result: accuracy is 930; percent, 0 to 100, is needed",
        8: "the objective gave no 'accuracy'",
        9: "report was given epoch 0; the first epoch is 1",
        10: reasons[10],
        11: "epoch 1: accuracy is nan",
    }
    assert str(reasons[10]).startswith("ValueError: ten is no good (")
    assert trials[12].accuracy == 90.0


def test_a_loop_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    """Its worker is killed, and another takes its place."""
    run = search(tmp_path / "run", simulated.careful, trials=1, engine="local")
    assert (run.path / "trials/0/begun").read_text() == "0 2 "
    assert [e.epoch for e in run.trials[0].epochs] == [1, 2, 3]
    assert not (run.path / "trials/0/checkpoint.pt").exists()


def test_a_run_of_the_command_line_is_not_taken_over(finished: RunRecord, tmp_path: Path) -> None:
    plain = yaml.safe_load((finished.path / "run.yaml").read_text())
    plain["settings"] |= {"objective": None, "dataset": "digits"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(plain))
    with pytest.raises(InputError, match="lcsearch resume"):
        search(tmp_path)


def test_what_cannot_be_imported_is_resumed_by_calling_again(
    five_trials: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorded = shutil.copytree(five_trials, tmp_path / "run") / "run.yaml"
    recorded.write_text(recorded.read_text().replace("simulated_objectives:smooth", "gone:smooth"))
    assert lcsearch_cli("resume", str(tmp_path / "run")) == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "call lcsearch.search again with out=" in said[0] and "'gone'" in said[0]
    recorded.write_text(recorded.read_text().replace("gone:smooth", "(__main__.smooth)"))
    assert lcsearch_cli("resume", str(tmp_path / "run")) == 2
    assert "where it is defined, call lcsearch.search again with out=" in capfd.readouterr().err


def test_arrays_that_the_objective_carries_must_stay_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = torch.zeros(20, 1, 4, 4)
    search(tmp_path / "run", functools.partial(simulated.smooth_on, images=images), trials=2)
    assert len(
        search(tmp_path / "run", functools.partial(simulated.smooth_on, images=images + 0), trials=3).trials
    )
    images[3] += 1
    with pytest.raises(InputError, match="the arrays that it carries are not those") as caught:
        search(tmp_path / "run", functools.partial(simulated.smooth_on, images=images), trials=4)
    assert "choose another out" in str(caught.value)
    path = tmp_path / "run" / "run.yaml"
    plain = yaml.safe_load(path.read_text())
    del plain["carried"]
    path.write_text(yaml.safe_dump(plain))
    search(tmp_path / "run", functools.partial(simulated.smooth_on, images=images), trials=4, quiet=False)
    assert (
        "whether arrays that its training loop carries have changed is not known" in capsys.readouterr().err
    )
