"""A whole search over ``base`` that neither trains nor builds models, in this process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from inline_engine import InlineEngine
from run_files import run_file

from lcsearch.core.job import Job, Objective, Report
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.nets.backbones import build
from lcsearch.nets.count import Count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.trackers import Tracker
from lcsearch.search.planner import Planner
from lcsearch.search.proposals.queue import Prepare
from lcsearch.search.session import SearchSession
from lcsearch.search.space import BoundSpace, bind, load_space, parse_space

FACTS = Facts(10, 1, 32, 100, 1000, 10_000, 400_000)


@dataclass(frozen=True)
class Simulated:
    """Accuracy as a smooth function of size, seed and epoch, the plain net above all; trains nothing."""

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        epochs = job.spec.recipe.epochs
        kept = sum(layer.alpha for layer in job.spec.model.layers.values())
        lost = sum(1 - share for share in job.spec.model.channels.values())
        plain = 0 if job.spec.model.layers or job.spec.model.channels else 2
        for epoch in range(1, epochs + 1):
            accuracy = 90 + plain - 20 * math.exp(-epoch) - kept - lost + (job.seed % 97) / 97
            if not report(epoch, {"accuracy": accuracy, "seconds": 0.01, "train_loss": 1.0}):
                break
        return {"accuracy": accuracy}


def session(
    path: Path,
    objective: Objective | None = None,
    prepare: Prepare | None = None,
    given: Sequence[TrialSpec] = (),
    trackers: Mapping[str, Tracker] | None = None,
    held: int = 0,
    **changes: object,
) -> SearchSession:
    """A session over ``base``, new or taken up where it was left.

    Args:
        path: The run directory.
        objective: Runs a trial; `Simulated` unless given.
        prepare: Makes what models are cut out of.
        given: Specs that the user wants tried first.
        trackers: Follow it, by what messages call them.
        held: Training images that candidates are judged by.
        changes: Settings of the run.
    """
    values: dict[str, object] = {"trials": 12, "recipe": Recipe(epochs=4), "sampler": "tpe"} | changes
    settings = RunSettings("base", "digits", **values)  # type: ignore[arg-type]
    if (path / "run.yaml").exists():
        directory = RunDirectory.open(path)
    else:
        directory = RunDirectory.create(path)
        directory.write(run_file(settings, FACTS))
    planner = Planner(bound_base(), settings, FACTS.validation_images, given, _size, prepare, held)
    train = objective or Simulated()
    return SearchSession(directory, settings, FACTS, planner, train, InlineEngine(), trackers)


@cache
def bound_base() -> BoundSpace:
    """The space that is searched: that of ``base`` with all channels, and without separable layers."""
    plain = load_space(None, "base").to_plain()
    for rule in plain["layers"].values():
        rule["channels"] = 1.0
        rule["kind"] = [kind for kind in rule["kind"] if kind != "separable"]
    plain["layers"]["*"]["kind"] = "linear"
    with torch.device("meta"):
        model = build("base", num_classes=10, in_channels=1)
    return bind(parse_space(plain, "f"), model, ModelSpec("base", 10, 1))


def _size(model: ModelSpec) -> Count:
    """Parameters by arithmetic; invented MACs that order models in another way."""
    params = bound_base().params(model)
    return Count(params, round(10 * params**0.5 * (1 + len(model.layers))), ())
