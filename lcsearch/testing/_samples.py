"""Small spaces, models and runs that the contract suites try things on."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from lcsearch.core.records import Decision, EpochRecord, Origin, RunRecord, TrialRecord
from lcsearch.core.screened import Looked, Screened
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model
from lcsearch.runs.settings import RunSettings
from lcsearch.search.space import BoundSpace, bind, load_space

BACKBONE = "base"
IMAGE_SHAPE = (1, 16, 16)
CLASSES = 10
EPOCHS = 3
_START = 1_750_000_000.0


class Drawn:
    """A trial that answers at random.

    Args:
        chance: What it draws from.

    Attributes:
        answers: What it was asked, and answered.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.answers: dict[str, Any] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number, drawn on the scale of its range."""
        drawn = (
            self._chance.uniform(math.log(low), math.log(high)) if log else self._chance.uniform(low, high)
        )
        value = min(max(math.exp(drawn) if log else drawn, low), high)
        return float(self.answers.setdefault(name, value))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number."""
        return int(self.answers.setdefault(name, self._chance.randrange(low, high + 1, step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of several."""
        return self.answers.setdefault(name, self._chance.choice(list(choices)))


@cache
def bound_space() -> BoundSpace:
    """The shipped space of a small net, which holds every family that a space is given by default."""
    template = ModelSpec(BACKBONE, CLASSES, IMAGE_SHAPE[0])
    with torch.device("meta"):
        model = build_model(template)
    return bind(load_space(None, BACKBONE), model, template)


@cache
def specs(number: int) -> tuple[TrialSpec, ...]:
    """The plain net, and points of the space drawn at random, the same every time."""
    space, recipe = bound_space(), Recipe(epochs=EPOCHS)
    drawn = (space.suggest(Drawn(random.Random(seed))) for seed in range(number - 1))
    return (
        TrialSpec(space.template, recipe=recipe),
        *(TrialSpec(one.model, one.regularizer, recipe) for one in drawn),
    )


def trial(number: int, spec: TrialSpec, origin: Origin = "sampler") -> TrialRecord:
    """A complete trial with real sizes; its accuracies are invented: larger is better, and epochs help."""
    with torch.device("meta"):
        size = count(build_model(spec.model), IMAGE_SHAPE)
    start = _START + 100.0 * number
    final = 80.0 + math.log(size.params) - (number % 3)
    epochs = tuple(
        EpochRecord(epoch, final - 8.0 * (EPOCHS - epoch), 2.0 / epoch, 9.0, start + 10.0 * epoch)
        for epoch in range(1, EPOCHS + 1)
    )
    return TrialRecord(
        number, "complete", origin, origin if origin != "sampler" else "", spec, size.params, size.macs,
        size.layers, final, epochs=epochs, started_at=start, finished_at=start + 31.0, worker="local:0",
    )  # fmt: skip


@cache
def runs() -> dict[str, RunRecord]:
    """Runs by what they are: from one without trials to one with every state that a trial can have."""
    done = [trial(number, spec) for number, spec in enumerate(specs(16))]
    done[0] = replace(done[0], origin="baseline", label="plain backbone")
    done[1] = replace(done[1], origin="uniform", label="hand-picked")
    return {
        "no trial": _run(),
        "a first trial that runs": _run(replace(done[0], state="running", accuracy=None, epochs=())),
        "the backbone alone": _run(done[0]),
        "a failed backbone": _run(replace(done[0], state="failed", accuracy=None, reason="out of memory")),
        "many trials": _run(*done),
        "trials of every state": _run(*_in_every_state(done)),
        "numbers that do not train": _run(*done[:2], *map(_half_trainable, done[2:5])),
    }


def _half_trainable(record: TrialRecord) -> TrialRecord:
    layers = tuple(replace(layer, trainable=layer.params // 2) for layer in record.layers)
    return replace(record, layers=layers)


def _in_every_state(done: list[TrialRecord]) -> list[TrialRecord]:
    stopped = Decision(1, False, "below the others", (0, 1, 2, 3))
    return [
        *done[:4],
        replace(
            done[4], state="pruned", accuracy=None, predicted=70.0, epochs=done[4].epochs[:1],
            decisions=(stopped,), reason=stopped.rule,
        ),
        replace(done[5], state="rejected", accuracy=None, epochs=(), reason="too large", started_at=None),
        replace(done[6], state="failed", accuracy=None, epochs=(), reason="the loss is not finite"),
        replace(done[7], spec=done[1].spec, accuracy=done[1].accuracy, duplicate_of=1, epochs=()),
        replace(done[8], state="running", accuracy=None, epochs=done[8].epochs[:1], finished_at=None),
        replace(
            done[9], metrics={"accuracy_before": 50.0}, parent=0,
            spent={"forward": 12.5, "waiting": 18.0, "other": 0.5},
            screened=Screened(50.0, 2, 900, (Looked(done[9].params, 50.0, 100), Looked(20_000, 30.0, 25))),
        ),
    ]  # fmt: skip


def _run(*trials: TrialRecord) -> RunRecord:
    settings = RunSettings(BACKBONE, "digits", recipe=Recipe(epochs=EPOCHS))
    facts = {
        "num_classes": CLASSES,
        "in_channels": 1,
        "image_size": 16,
        "train_images": 5000,
        "validation_images": 1000,
    }
    plain = {"version": 1, "settings": settings.to_plain(), "facts": facts}
    return RunRecord(Path("runs/sample"), plain, bound_space().params(bound_space().smallest()), trials)
