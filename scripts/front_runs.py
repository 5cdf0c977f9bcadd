"""What ``bench_front.py`` compares: a search, and thinner nets for the epochs that it has spent."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from init_contenders import nearest
from work_off import Line

from lcsearch.core.job import Job
from lcsearch.core.seeds import trial_seed
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run
from lcsearch.runs.run_file import RunFile
from lcsearch.search import make as runs
from lcsearch.search.session import SearchSession
from lcsearch.search.space import BoundSpace, bind, parse_space
from lcsearch.search.workers import make_objective
from lcsearch.train.start import Start

_AFTER_TRIALS = 1_000
"""Numbers of the sweep's trainings, from which their seeds are drawn: a search has no such trial."""


@dataclass(frozen=True)
class Front:
    """A search and what it is compared with.

    Attributes:
        backbone: What is made smaller.
        seed: Of everything random.
        dataset: A name that ``--dataset`` takes.
        train_images: Training images.
        image_size: In pixels.
        trials: Of the search.
        epochs: Of the backbone.
        fine_tune_epochs: Of what is cut out of it.
        init: ``trained``: models are cut out of the backbone; ``scratch``: nothing is.
        kinds: Families that layers may become, as ``--kinds`` takes them; empty for the space's own.
    """

    backbone: str
    seed: int
    dataset: str
    train_images: int
    image_size: int
    trials: int
    epochs: int
    fine_tune_epochs: int
    init: str = "trained"
    kinds: str = ""

    @property
    def name(self) -> str:
        """Of its folder."""
        how = "" if self.init == "trained" else f"-{self.init}"
        how += f"-{self.kinds.replace(',', '-')}" if self.kinds else ""
        return f"{self.backbone}-{self.train_images}{how}-seed-{self.seed}"


@dataclass(frozen=True)
class Where:
    """Where a task is done, which changes no more of its result than a machine does.

    Attributes:
        folder: Holds the run directories.
        data_dir: Where the data set's files are; None for the usual places.
        device: Where to compute.
    """

    folder: Path
    data_dir: str | None
    device: str


@dataclass(frozen=True)
class Task:
    """The search of a front, or one training of its sweep.

    Attributes:
        front: The front.
        where: Where.
        place: Of the net in the sweep, 0 for the smallest; None for the search.
        nets: How many the sweep has; 0 for the search.
    """

    front: Front
    where: Where
    place: int | None = None
    nets: int = 0

    @property
    def key(self) -> Line:
        """What tells its line from others."""
        return {**asdict(self.front), "place": self.place, "nets": self.nets}


def completed(lines: Sequence[Line]) -> list[Line]:
    """Lines with what those left open that were written before searches could differ in it."""
    return [{"init": "trained", "kinds": "", **line} for line in lines]


def do(task: Task) -> Sequence[Line]:
    """Do a task and return its line."""
    torch.set_num_threads(1)
    begin = time.perf_counter()
    path = task.where.folder / task.front.name
    done = _search(task, path) if task.place is None else _train(task, path)
    seconds = round(time.perf_counter() - begin, 1)
    return [{**task.key, **done, "device": task.where.device, "seconds": seconds}]


def _search(task: Task, path: Path) -> Line:
    """Do the search, or what is left of it, trial after trial."""
    with opened(path, _said(task.front), task.where) as session:
        run_to_its_end(session)
        settings = session.settings
    run = read_run(path)
    if run.baseline is None:
        raise RuntimeError(f"{path}: the backbone was not trained")
    trials: list[dict[str, Any]] = [
        {
            "origin": trial.origin,
            "label": trial.label,
            "state": trial.state,
            "params": trial.params,
            "accuracy": trial.accuracy,
            "epochs": len(trial.epochs),
            "spec": trial.spec.model.to_plain(),
        }
        for trial in run.trials
    ]
    return {
        "smallest_params": run.smallest_params,
        "backbone_params": run.baseline.params,
        "backbone_accuracy": run.baseline.accuracy,
        "epochs_spent": sum(trial["epochs"] for trial in trials) + run.screening_epochs,
        "epochs_a_net": settings.thinner_recipe.epochs,
        "trials_done": trials,
    }


def opened(path: Path, said: Mapping[str, Any], where: Where) -> SearchSession:
    """The session of the run in a folder, one trial at a time; the run is made if need be.

    Args:
        path: The folder.
        said: What a user would say of a new run, but for where.
        where: Where.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if (path / "run.yaml").is_file():
        return runs.reopen(path)
    return runs.create(
        {
            **said,
            "precision": "float32",  # a search beside others would measure what these take from it
            "data_dir": where.data_dir,
            "device": where.device,
            "jobs": 1,
            "threads": 1,
            "out": path,
        }
    )


def run_to_its_end(session: SearchSession) -> None:
    """Run what is left of a search.

    Raises:
        RuntimeError: It did not come to its end; it can be gone on with.
    """
    problem = session.run()
    if problem is not None or session.director.interrupted:
        raise RuntimeError(problem or "interrupted; the same command goes on")


def _said(front: Front) -> dict[str, Any]:
    said = {**asdict(front), "kinds": tuple(front.kinds.split(",")) if front.kinds else None}
    return said | ({"fine_tune_epochs": None} if front.init == "scratch" else {})


def _train(task: Task, path: Path) -> Line:
    """Train one net of the sweep."""
    run_file = recorded(path)
    model = thinner(path, task.place or 0, task.nets)
    objective = make_objective(run_file.settings)
    accuracies: list[float] = []

    def report(epoch: int, metrics: Any) -> bool:
        accuracies.append(round(float(metrics["accuracy"]), 4))
        return True

    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            number=_AFTER_TRIALS + (task.place or 0),
            attempt=0,
            seed=trial_seed(task.front.seed, _AFTER_TRIALS + (task.place or 0)),
            spec=TrialSpec(model, recipe=run_file.settings.thinner_recipe),
            directory=folder,
            resume=False,
            start=str(Start(RunDirectory(path).start).folder),
        )
        objective(job, report)
    with torch.device("meta"):
        params = count(build_model(model), run_file.facts.image_shape).params
    return {"params": params, "accuracy": accuracies, "spec": model.to_plain()}


def nets_for(search: Line) -> int:
    """Nets of the sweep that may spend what a search has; the backbone, which teaches them, is paid for."""
    left: float = search["epochs_spent"] - search["epochs"]
    return max(1, int(left / search["epochs_a_net"]))


@cache
def thinner(path: Path, place: int, nets: int) -> ModelSpec:
    """The plain net at a place of the sweep.

    Args:
        path: The run directory of the search.
        place: 0 for the net of the size of the smallest model of the space.
        nets: How many; the backbone itself would be the next one.
    """
    bound, smallest = bound_space(path), recorded(path).facts.smallest_params
    largest = bound.params(bound.plain())
    wanted = round(smallest * (largest / smallest) ** (place / nets))
    return bound.thinner(nearest(lambda share: bound.params(bound.thinner(share)), wanted))


@cache
def bound_space(path: Path) -> BoundSpace:
    """What the search of a run directory goes through."""
    run_file = recorded(path)
    facts = run_file.facts
    template = ModelSpec(run_file.settings.backbone, facts.num_classes, facts.in_channels)
    with torch.device("meta"):
        model = build_model(template)
    return bind(parse_space(run_file.space, str(path)), model, template, facts.image_shape)


@cache
def recorded(path: Path) -> RunFile:
    """What a run directory says of its search."""
    return RunDirectory.open(path).read()
