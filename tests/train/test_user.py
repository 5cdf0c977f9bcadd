"""The user's own training loop: what it is given, what it tells, and what of that is recorded."""

from __future__ import annotations

import functools
import json
import math
import pickle
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_net import tiny
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.functions import find_function
from lcsearch.core.job import Job, ResultError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.train.user import (
    TrialReport,
    UserObjective,
    backbone_name,
    check_objective,
    objective_name,
    recorded_objective,
)

SPEC = TrialSpec(ModelSpec("base", 10, 1))


def job(folder: Path, *, resume: bool = False) -> Job:
    return Job(number=5, attempt=2, seed=17, spec=SPEC, directory=str(folder), resume=resume)


def telling(folder: Path, answers: list[bool]) -> tuple[TrialReport, list[tuple[int, dict[str, float]]]]:
    """A report that gets these answers, and what the search hears of it."""
    heard: list[tuple[int, dict[str, float]]] = []

    def listen(epoch: int, metrics: Mapping[str, float]) -> bool:
        heard.append((epoch, dict(metrics)))
        return answers[len(heard) - 1]

    return TrialReport(job(folder), listen, "cuda"), heard


def test_a_loop_knows_its_trial(tmp_path: Path) -> None:
    report, _ = telling(tmp_path / "5", [])
    assert (report.trial, report.attempt, report.seed, report.device) == (5, 2, 17, "cuda")
    assert report.directory == tmp_path / "5" and report.checkpoint == tmp_path / "5" / "checkpoint.pt"


def test_numbers_of_every_kind_are_recorded_and_nothing_else(tmp_path: Path) -> None:
    report, heard = telling(tmp_path, [True])
    assert report(1, np.float32(50.5), lr=torch.tensor(0.25), steps=7, note="x", done=True)  # type: ignore[arg-type]
    epoch, metrics = heard[0]
    assert epoch == 1 and 0 <= metrics.pop("seconds") < 60
    assert metrics == {"accuracy": 50.5, "lr": 0.25, "steps": 7.0}
    assert all(type(value) is float for value in metrics.values())


def test_seconds_are_those_since_the_last_report_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([10.0, 13.0, 14.5, 20.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    report, heard = telling(tmp_path, [True, True, True])
    report(1, 50)
    report(2, 50)
    report(3, 50, seconds=99)
    assert [metrics["seconds"] for _, metrics in heard] == [3.0, 1.5, 99.0]


def test_once_told_to_stop_it_stays_so_and_nothing_more_is_heard(tmp_path: Path) -> None:
    report, heard = telling(tmp_path, [True, False, True])
    assert [report(epoch, 50) for epoch in (1, 2, 3)] == [True, False, False]
    assert report.stopped and [epoch for epoch, _ in heard] == [1, 2]


@pytest.mark.parametrize("epoch", [0, -1, True, 1.0, "1", None])
def test_epochs_are_whole_numbers_from_one(tmp_path: Path, epoch: Any) -> None:
    report, heard = telling(tmp_path, [True])
    with pytest.raises(ResultError, match="the first epoch is 1"):
        report(epoch, 50)
    assert heard == []


@pytest.mark.parametrize("accuracy", [-0.1, 100.1, math.inf, -math.inf, "high", None, True])
def test_accuracies_are_percentages(tmp_path: Path, accuracy: Any) -> None:
    report, heard = telling(tmp_path, [True])
    with pytest.raises(ResultError, match=r"^epoch 3: accuracy is "):
        report(3, accuracy)
    assert heard == []


@pytest.mark.parametrize("accuracy", [0, 100, math.nan])
def test_both_ends_are_percentages_and_nan_is_for_the_search_to_judge(
    tmp_path: Path, accuracy: float
) -> None:
    report, heard = telling(tmp_path, [True])
    report(1, accuracy)
    assert heard[0][1]["accuracy"] == pytest.approx(accuracy, nan_ok=True)


def test_a_model_is_kept_as_the_trials_own(tmp_path: Path) -> None:
    model = nn.Linear(2, 3)
    telling(tmp_path, [])[0].save(model)
    found = load_file(tmp_path / "weights.safetensors")
    assert torch.equal(found["weight"], model.weight) and torch.equal(found["bias"], model.bias)


def drawing(spec: TrialSpec, report: TrialReport) -> dict[str, float]:
    assert spec is SPEC
    drawn = {"a": random.random(), "b": float(np.random.rand()), "c": float(torch.rand(()))}
    return {"accuracy": 60.0, **drawn, "threads": torch.get_num_threads()}


def test_every_generator_is_seeded_and_threads_are_set(tmp_path: Path) -> None:
    objective = pickle.loads(pickle.dumps(UserObjective(drawing, "cpu", threads=1)))
    random.seed(1)
    first = objective(job(tmp_path), lambda epoch, metrics: True)
    random.seed(2), np.random.seed(2), torch.manual_seed(2)
    assert objective(job(tmp_path), lambda epoch, metrics: True) == first
    assert first["accuracy"] == 60.0 and first["threads"] == 1.0
    assert UserObjective(drawing, "cpu", threads=0)(job(tmp_path), lambda epoch, metrics: True) == first
    wide = objective(replace(job(tmp_path), threads=2), lambda epoch, metrics: True)
    assert wide == {**first, "threads": 2.0}
    assert objective(job(tmp_path), lambda epoch, metrics: True) == first, "the next has the usual number"


@pytest.mark.parametrize("resume", [True, False])
def test_the_folder_is_there_and_an_old_checkpoint_only_where_it_may_be_continued(
    tmp_path: Path, resume: bool
) -> None:
    seen: list[bool] = []

    def loop(spec: TrialSpec, report: TrialReport) -> float:
        seen.append(report.checkpoint.exists())
        report.checkpoint.write_text("mine")
        return 50.0

    objective = UserObjective(loop, "cpu", threads=0)
    for _ in range(2):
        objective(job(tmp_path / "deep" / "5", resume=resume), lambda epoch, metrics: True)
    assert seen == [False, resume]


def test_what_a_stopped_loop_returns_is_not_looked_at(tmp_path: Path) -> None:
    def loop(spec: TrialSpec, report: TrialReport) -> Any:
        report(1, 50)
        return "whatever"

    assert UserObjective(loop, "cpu", 0)(job(tmp_path), lambda epoch, metrics: False) == {}
    with pytest.raises(ResultError, match=r"^the objective's result: accuracy is 'whatever', of type str;"):
        UserObjective(loop, "cpu", 0)(job(tmp_path), lambda epoch, metrics: True)


class Loop:
    def __call__(self, spec: TrialSpec, report: TrialReport) -> float:
        return 1.0


def test_names_lead_back_to_functions() -> None:
    assert objective_name(json.loads) == "json:loads"
    assert recorded_objective("json:loads", device="cpu", threads=3, path=Path("run")) == UserObjective(
        json.loads, "cpu", 3
    )
    assert objective_name(functools.partial(drawing)) == "(functools.partial)"
    assert objective_name(Loop()).endswith(".Loop)")


def test_what_has_no_name_is_gone_on_with_by_calling_again() -> None:
    again = "call lcsearch.search again with out='run' to go on"
    for name, said in (
        ("(functools.partial)", "its objective (functools.partial) cannot be imported by name"),
        ("json:gone", "module 'json' has no 'gone'"),
    ):
        with pytest.raises(InputError) as caught:
            recorded_objective(name, device="cpu", threads=0, path=Path("run"))
        message = str(caught.value)
        assert message.startswith("run: ") and said in message and message.endswith(again)


def test_a_script_is_called_by_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("__main__")
    main.__file__ = "/somewhere/my_script.py"

    def loop(spec: TrialSpec, report: TrialReport) -> float:
        return 1.0

    loop.__module__, loop.__qualname__ = "__main__", "loop"
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert objective_name(loop) == backbone_name(loop) == "my_script:loop"
    del main.__file__
    assert objective_name(loop) == "(__main__.loop)"
    assert backbone_name(loop) == "__main__:loop"  # of a notebook's cell


def test_a_backbone_that_is_a_function_is_called_by_its_name() -> None:
    assert backbone_name(tiny) == "tiny_net:tiny" and find_function("backbone", "tiny_net:tiny") is tiny
    assert [backbone_name(name) for name in ("vgg11", 7)] == ["vgg11", 7]


@pytest.mark.parametrize("function", [lambda num_classes, in_channels: None, functools.partial(tiny), Loop()])
def test_a_backbone_that_has_no_name_is_refused(function: Any) -> None:
    with pytest.raises(InputError) as caught:
        backbone_name(function)
    said = str(caught.value)
    assert said.startswith("backbone: ") and "\n" not in said
    assert said.endswith(" cannot be found by its name; define it at the top level of a module")


def using(held: object) -> Callable[..., Any]:
    def inside(spec: TrialSpec, report: TrialReport) -> Any:
        return held

    return inside


class Unpicklable(Loop):
    def __reduce__(self) -> str:
        raise TypeError("holds a\nlock")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (5, "objective: 5 is an int, not a function"),
        (
            Unpicklable(),
            "objective: Unpicklable cannot be sent to workers (TypeError: holds a lock)",
        ),
        (using(Lock()), "objective: 'held', which using.<locals>.inside uses, cannot be sent to workers ("),
        (
            functools.partial(json.dumps, Lock()),
            "objective: 'argument 0', which partial uses, cannot be",
        ),
    ],
)
def test_what_workers_cannot_be_given_is_one_line(function: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        check_objective(function)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@pytest.mark.parametrize("function", [functools.partial(math.pow, 2.0), using(1), lambda spec, report: 1.0])
def test_what_they_can_be_given_passes(function: Any) -> None:
    check_objective(function)


def test_a_net_of_main_goes_where_the_loop_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a notebook, whose cells are its ``__main__``, to the ``__main__`` of a worker."""
    notebook, worker = ModuleType("__main__"), ModuleType("__main__")
    exec("SIZE = 3\ndef net(): return SIZE\ndef loop(spec, report): return 1.0", notebook.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    sent = [pickle.dumps(UserObjective(notebook.loop, "cpu", 0, name)) for name in ("__main__:net", "vgg11")]
    monkeypatch.setitem(sys.modules, "__main__", worker)
    assert pickle.loads(sent[1]).backbone == "vgg11" and not hasattr(worker, "net")
    assert pickle.loads(sent[0]).function(None, None) == 1.0
    assert find_function("backbone", "__main__:net") is worker.net and worker.net() == 3


def test_what_cannot_be_imported_is_pickled_with_its_code() -> None:
    objective = UserObjective(using(7), "cpu", threads=2)
    there = pickle.loads(pickle.dumps(objective))
    assert there.function is not objective.function and there.function(None, None) == 7
    assert (there.device, there.threads) == ("cpu", 2)
    assert pickle.loads(pickle.dumps(UserObjective(drawing, "cpu", 0))).function is drawing
    assert objective_name(using(7)).endswith(".using.<locals>.inside)")
