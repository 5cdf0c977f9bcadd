"""What ``bench_real_search.py`` compares: the default search, and plain Optuna as a user would write it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import optuna
import torch
from front_runs import Where, bound_space, opened, recorded, run_to_its_end
from work_off import Line, read

from lcsearch.core.job import Job
from lcsearch.core.records import TrialRecord
from lcsearch.core.seeds import trial_seed
from lcsearch.core.spec import TrialSpec
from lcsearch.runs.read import read_run
from lcsearch.search.workers import make_objective

PLAIN = "optuna-tpe"
"""The side that is plain Optuna; the others are the default search, by how many candidates it screens."""


@dataclass(frozen=True)
class Search:
    """One search with one seed.

    Attributes:
        side: `PLAIN`, or ``screen-N``: the default search with ``--screen N``; then ``-finish-SHARE`` where
            it has ``--finish SHARE`` too, and ``-stopping-RULE`` where it has ``--early-stopping RULE``.
        backbone: What is made smaller.
        seed: Of everything random.
        dataset: A name that ``--dataset`` takes.
        train_images: Training images.
        image_size: In pixels.
        epochs: Of the backbone, and of plain Optuna's trials.
        trials: Trials after the backbone where plain Optuna searches, all trials otherwise.
    """

    side: str
    backbone: str
    seed: int
    dataset: str
    train_images: int
    image_size: int
    epochs: int
    trials: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.backbone}-{self.train_images}-{self.side}-seed-{self.seed}"

    @property
    def said(self) -> dict[str, Any]:
        """What a user would say."""
        names = ("backbone", "seed", "dataset", "train_images", "image_size", "epochs", "trials")
        said = {name: getattr(self, name) for name in names}
        if self.side == PLAIN:
            return {**said, "init": "scratch"}
        rest, _, rule = self.side.removeprefix("screen-").partition("-stopping-")
        screen, _, finish = rest.partition("-finish-")
        stopping = {"early_stopping": rule} if rule else {}
        return {**said, "screen": int(screen), "finish": float(finish or 0), **stopping}


@dataclass(frozen=True)
class Task:
    """A search to be done, or what is left of it.

    Attributes:
        search: Which.
        where: Where.
    """

    search: Search
    where: Where

    @property
    def key(self) -> Line:
        """What tells its line from others."""
        return asdict(self.search)


def do(task: Task) -> Sequence[Line]:
    """Do a search and return its line."""
    torch.set_num_threads(1)
    begin = time.perf_counter()
    path = task.where.folder / task.search.name
    with opened(path, task.search.said, task.where) as session:
        if task.search.side != PLAIN:
            run_to_its_end(session)
    steps = _plain(path, task.search) if task.search.side == PLAIN else _default(path)
    facts = recorded(path).facts
    seconds = round(time.perf_counter() - begin, 1)
    about = {"smallest_params": facts.smallest_params, "device": task.where.device, "seconds": seconds}
    return [{**task.key, **about, "steps": steps}]


def _default(path: Path) -> list[Line]:
    """What the trials of a finished search cost, screening included, and reached."""
    run = read_run(path)
    images = run.settings["facts"]["train_images"]
    ended = [(trial, len(trial.epochs) + _screened(trial, images)) for trial in run.trials]
    spent = accumulate(epochs for _, epochs in ended)
    return [
        {"spent": round(sum_, 4), "params": trial.params, "accuracy": trial.accuracy}
        for (trial, _), sum_ in zip(ended, spent, strict=True)
    ]


def _screened(trial: TrialRecord, images: int) -> float:
    return 0.0 if trial.screened is None else trial.screened.epochs(images)


def _plain(path: Path, search: Search) -> list[Line]:
    """Train the backbone, then what one persistent TPE sampler proposes, each from scratch and to its end.

    What was trained before is in a file: the sampler is asked again from the start and told of it.
    """
    settings, space = recorded(path).settings, bound_space(path)
    file = path / "trained.jsonl"
    known, objective = read(file), make_objective(settings)
    file.write_text("".join(json.dumps(line) + "\n" for line in known), encoding="utf-8")
    trained: list[Line] = []

    def train(spec: TrialSpec) -> tuple[float, int]:
        number, params = len(trained), space.params(spec.model)
        if number < len(known):
            assert known[number]["spec"] == spec.fingerprint(), "the sampler proposes something else now"
            accuracy = known[number]["accuracy"]
        else:
            accuracy = _accuracy(objective, spec, number, search.seed)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"spec": spec.fingerprint(), "accuracy": accuracy}) + "\n")
        spent = (number + 1) * search.epochs
        trained.append({"spent": spent, "params": params, "accuracy": accuracy})
        return accuracy, params

    train(TrialSpec(space.plain(), recipe=settings.recipe))
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=optuna.samplers.TPESampler(seed=search.seed)
    )
    study.optimize(lambda trial: train(space.suggest(trial, settings.recipe)), search.trials)
    return trained


def _accuracy(objective: Any, spec: TrialSpec, number: int, seed: int) -> float:
    """Train a model to its end and return its accuracy."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(number, 0, trial_seed(seed, number), spec, folder, resume=False)
        return round(float(objective(job, lambda epoch, metrics: True)["accuracy"]), 4)
