"""The engine and the objective that a run's settings ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_files import installed

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.room import Room
from lcsearch.data.recorded import RecordedImages
from lcsearch.engines import EngineSettings
from lcsearch.engines.local import LocalEngine
from lcsearch.runs.settings import RunSettings
from lcsearch.search.images import SessionImages
from lcsearch.search.workers import make_engine, make_objective

MODULE = """
told = []

def make(settings):
    from inline_engine import InlineEngine

    told.append(settings)
    return InlineEngine()
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[None]:
    """Another distribution's engine, ``inline``, and one that is none."""
    engines = {"inline": "inline_plugin:make", "none": "inline_plugin:told"}
    with installed(tmp_path, "inline", "1.0", {plugins.ENGINE.group: engines}, {"inline_plugin": MODULE}):
        yield


def settings(**changes: object) -> RunSettings:
    return RunSettings("my_nets:small", "my_data:pairs", **changes)  # type: ignore[arg-type]


@pytest.mark.usefixtures("plugin")
def test_an_engine_is_told_what_the_run_says_of_it(tmp_path: Path) -> None:
    run = settings(
        engine="inline", jobs=3, ray_address="auto", cpus_per_trial=2.0, gpus_per_trial=0.5,
        storage_path="/shared", objective="my_loop:train",
    )  # fmt: skip
    assert make_engine(run, tmp_path).describe() == "this process"
    import inline_plugin  # type: ignore[import-not-found]

    modules = ("my_nets", "my_data", "my_loop")
    assert inline_plugin.told[-1:] == [EngineSettings(tmp_path, 3, modules, "auto", 2.0, 0.5, "/shared")]


def test_the_local_engine_runs_a_trial_a_core_unless_it_is_told(tmp_path: Path) -> None:
    engines = [make_engine(settings(jobs=jobs), tmp_path) for jobs in (None, "auto", 3)]
    assert all(isinstance(engine, LocalEngine) for engine in engines)
    cores = len(os.sched_getaffinity(0))
    assert [engine.jobs for engine in engines] == [cores, cores, 3]


@pytest.mark.usefixtures("plugin")
def test_an_engine_that_is_to_find_out_how_many_is_told_where_they_compute(tmp_path: Path) -> None:
    make_engine(settings(engine="inline", jobs="auto", device="cuda"), tmp_path)
    import inline_plugin

    told = inline_plugin.told[-1]
    assert (told.jobs, told.device) == (None, "cuda")


@pytest.mark.usefixtures("plugin")
def test_an_engine_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no engine 'locl'; did you mean 'local'\?"):
        make_engine(settings(engine="locl"), tmp_path)
    with pytest.raises(InputError, match=r"engine 'none' \(inline 1\.0\) .* is a list, not a"):
        make_engine(settings(engine="none"), tmp_path)


@pytest.mark.usefixtures("plugin")
def test_an_engine_is_told_which_plugins_trials_look_up(tmp_path: Path) -> None:
    import inline_plugin

    for objective, looked_up in (
        (None, ((plugins.BACKBONE, "vgg11"), (plugins.DATA_SET, "digits"))),
        ("my_loop:train", ((plugins.BACKBONE, "vgg11"),)),
    ):
        make_engine(RunSettings("vgg11", "digits", engine="inline", objective=objective), tmp_path)
        assert inline_plugin.told[-1].plugins == looked_up


@pytest.mark.usefixtures("plugin")
def test_only_what_the_user_named_by_module_must_be_there_on_every_node(tmp_path: Path) -> None:
    make_engine(RunSettings("torchvision:resnet18", "folder:/data", engine="inline"), tmp_path)  # type: ignore[arg-type]
    import inline_plugin

    assert inline_plugin.told[-1].modules == inline_plugin.told[-1].plugins == ()


def test_trials_train_on_the_runs_data(tmp_path: Path) -> None:
    run = settings(train_images=50, validation_images=20, image_size=16, device="cpu", threads=2)
    objective = make_objective(run)
    assert (objective.dataset, objective.train_images, objective.validation_images) == (
        "my_data:pairs",
        50,
        20,
    )
    assert make_objective(settings(data_dir="/data")).data_dir == "/data"
    assert make_objective(settings(metric="macro-f1")).metric == "macro-f1"
    assert make_objective(settings()).metric == "accuracy"
    assert (objective.image_size, objective.device, objective.threads) == (16, "cpu", 2)


@pytest.mark.parametrize(
    ("asked", "threads"),
    [
        ({"jobs": 1}, 0),
        ({"jobs": 2}, 1),
        ({"jobs": "auto"}, 1),
        ({"jobs": "auto", "threads": 3}, 3),
        ({"jobs": "auto", "engine": "ray"}, 0),  # which says how many cores a trial has
    ],
)
def test_processes_beside_each_other_leave_each_other_the_cores(asked: dict[str, Any], threads: int) -> None:
    assert make_objective(settings(**{"device": "cuda", "threads": 0} | asked)).threads == threads


def test_trials_see_the_images_that_the_run_was_made_with() -> None:
    """The usual ones where nothing is said."""
    usual = make_objective(settings())
    assert (usual.own_validation, usual.normalisation, usual.room) == (False, None, Room())
    assert (usual.seen, usual.recorded) == ("", None)
    made = Normalisation((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    run = settings(own_validation=True, normalisation=made, data_memory=2**20, data_cache="/cache")
    images = SessionImages("a digest", RecordedImages("another", Path("images")))  # type: ignore[arg-type]
    told = make_objective(run, images)
    assert (told.own_validation, told.normalisation, told.room) == (True, made, Room(2**20, "/cache"))
    assert (told.seen, told.recorded) == ("a digest", images.recorded)
