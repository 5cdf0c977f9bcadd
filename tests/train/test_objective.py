from __future__ import annotations

import math
import multiprocessing as mp
import os
import pickle
import signal
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from lcsearch.core.job import Job
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.data import SearchData
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.surgery import build_model
from lcsearch.train import TrainingFailed, evaluate
from lcsearch.train.objective import TrainObjective

pytestmark = pytest.mark.slow

SPEC = TrialSpec(
    ModelSpec("base", 10, 1, width=0.25, layers={"features.4": LinearSpec(0.25)}),
    Regularizer(weight=0.01),
    Recipe(epochs=3, batch_size=64, lr=0.05),
)
OBJECTIVE = TrainObjective("digits", train_images=640, validation_images=300, device="cpu", threads=1)


def make_job(directory: Path, *, resume: bool = False, spec: TrialSpec = SPEC) -> Job:
    return Job(number=5, attempt=0, seed=17, spec=spec, directory=str(directory), resume=resume)


def go_on(epoch: int, metrics: Mapping[str, float]) -> bool:
    return True


def test_weights_on_disk_have_the_accuracy_that_was_returned(tmp_path: Path, digits: SearchData) -> None:
    reports: list[tuple[int, dict[str, float]]] = []
    result = OBJECTIVE(
        make_job(tmp_path / "5"), lambda epoch, metrics: reports.append((epoch, dict(metrics))) is None
    )
    model = build_model(SPEC.model)
    model.load_state_dict(load_file(tmp_path / "5" / "weights.safetensors"))
    assert evaluate(model, digits.validation, digits.info) == result["accuracy"]
    assert result["accuracy"] == reports[-1][1]["accuracy"] > 50
    assert [epoch for epoch, _ in reports] == [1, 2, 3]
    assert {"accuracy", "train_loss", "seconds"} <= reports[0][1].keys()
    assert [file.name for file in (tmp_path / "5").iterdir()] == ["weights.safetensors"]


def test_it_travels_to_a_worker(tmp_path: Path) -> None:
    here = OBJECTIVE(make_job(tmp_path / "a"), go_on)
    there = pickle.loads(pickle.dumps(OBJECTIVE))(make_job(tmp_path / "b"), go_on)
    assert here == there
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (
        tmp_path / "b/weights.safetensors"
    ).read_bytes()


def test_stopped_trial_leaves_nothing(tmp_path: Path) -> None:
    result = OBJECTIVE(make_job(tmp_path), lambda epoch, metrics: epoch < 2)
    assert result["epochs"] == 2
    assert list(tmp_path.iterdir()) == []


def _train_and_die(directory: str) -> None:
    """Epochs have 10 steps; after 15 of them the process kills itself."""
    steps = count(1)

    def die(*_: object) -> None:
        if next(steps) == 15:
            os.kill(os.getpid(), signal.SIGKILL)

    register_optimizer_step_post_hook(die)
    OBJECTIVE(make_job(Path(directory), resume=True), go_on)


def test_killed_between_two_steps_and_resumed_gives_the_same_weights(tmp_path: Path) -> None:
    OBJECTIVE(make_job(tmp_path / "whole"), go_on)
    killed = tmp_path / "killed"
    process = mp.get_context("spawn").Process(target=_train_and_die, args=(str(killed),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (killed / "checkpoint.pt").exists()
    first: list[int] = []
    ended = OBJECTIVE(make_job(killed, resume=True), lambda epoch, metrics: first.append(epoch) is None)
    assert first == [1, 2, 3]
    assert ended["resumed_from"] == 1
    assert (killed / "weights.safetensors").read_bytes() == (
        tmp_path / "whole/weights.safetensors"
    ).read_bytes()


def test_without_leave_to_resume_an_old_checkpoint_is_ignored(tmp_path: Path) -> None:
    def leave(epoch: int, metrics: Mapping[str, float]) -> bool:
        if epoch == 2:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        OBJECTIVE(make_job(tmp_path), leave)
    assert (tmp_path / "checkpoint.pt").exists()
    seen: list[int] = []
    OBJECTIVE(make_job(tmp_path), lambda epoch, metrics: seen.append(epoch) is None)
    assert seen == [1, 2, 3]


def test_diverged_training_keeps_no_checkpoint(tmp_path: Path) -> None:
    """Epochs have 10 steps; after 15 of them the weights are broken."""
    steps, there = count(1), []

    def spoil(optimizer: torch.optim.Optimizer, *_: object) -> None:
        if next(steps) == 15:
            there.append((tmp_path / "checkpoint.pt").exists())
            torch.nn.init.constant_(optimizer.param_groups[0]["params"][0], math.nan)

    hook = register_optimizer_step_post_hook(spoil)
    try:
        with pytest.raises(TrainingFailed, match="epoch 2"):
            OBJECTIVE(make_job(tmp_path), go_on)
    finally:
        hook.remove()
    assert there == [True] and list(tmp_path.iterdir()) == []


def test_weights_begin_as_the_jobs_seed_says(tmp_path: Path) -> None:
    one, same, other = (
        OBJECTIVE.build(replace(make_job(tmp_path), seed=seed)).state_dict()["features.0.weight"]
        for seed in (17, 17, 18)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_full_disk_is_an_os_error_and_leaves_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        OBJECTIVE(make_job(tmp_path), go_on)
    assert list(tmp_path.iterdir()) == []


def test_data_in_memory_is_used(tmp_path: Path, digits: SearchData) -> None:
    objective = TrainObjective("digits", data_dir="/nowhere", threads=1, device="cpu")
    objective.use_data(digits)
    assert objective.data() is digits


def test_images_are_normalised_as_asked_also_where_others_were_read_before() -> None:
    asked = replace(OBJECTIVE, train_images=20, validation_images=4)
    for expected in (None, Normalisation((0.25,), (0.75,)), None):
        info = replace(asked, normalisation=expected).data().info
        assert (info.mean == (0.25,)) == (info.std == (0.75,)) == (expected is not None)
