"""What trackers show of one training, by names and in numbers that any of them takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lcsearch.core.records import EpochRecord, RunRecord, TrialRecord
from lcsearch.core.spec import TrialSpec
from lcsearch.core.trainings import TrainingRecord
from lcsearch.core.words import result_words

TRIAL, TRAINING = "trial", "retrain"
"""The kinds of parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One training of a run: a trial, or a model that is trained again.

    Attributes:
        kind: `TRIAL` or `TRAINING`.
        number: The trial's.
        name: What no other training of the run is called, such as ``trial-0007``.
        title: The same, for people.
        spec: What is trained.
        about: What else is known before it starts, by name.
        sizes: Its params and macs.
        epochs: The finished epochs.
        ends: Numbers of its end; none before.
        state: What has become of it.
        words: The same in a line.
        started_at: Unix time; None where it never started.
        finished_at: Unix time; None while it runs.
    """

    kind: str
    number: int
    name: str
    title: str
    spec: TrialSpec
    about: Mapping[str, str | int]
    sizes: Mapping[str, int]
    epochs: tuple[EpochRecord, ...]
    ends: Mapping[str, float]
    state: str
    words: str
    started_at: float | None
    finished_at: float | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state != "running"

    @property
    def failed(self) -> bool:
        """Whether it raised, or was lost too often."""
        return self.state == "failed"

    @property
    def final(self) -> bool:
        """Whether it has its end for good: a model whose training failed may be trained again."""
        return self.ended and not (self.failed and self.kind == TRAINING)

    @property
    def on_search(self) -> dict[str, float]:
        """What the search's own run shows of it at its end; nothing of a model that is trained again."""
        reached = self.ends.get("final_accuracy")
        values = {**({} if reached is None else {"accuracy": reached}), **self.sizes}
        return {f"trials/{name}": value for name, value in values.items()} if self.kind == TRIAL else {}

    @property
    def choices(self) -> dict[str, str | int | float | bool]:
        """What was chosen for it, by paths with dots such as ``layers.features.0.family``."""
        chosen = {name: value for name, value in self.spec.to_plain().items() if name != "version"}
        return {**self.about, **dict(flat(chosen))}


def settings_of(record: RunRecord) -> dict[str, str | int | float | bool]:
    """The settings of a run, by paths with dots."""
    settings = record.settings
    return dict(flat(settings.get("settings", settings)))


def of_trial(trial: TrialRecord) -> Part:
    """What trackers show of a trial."""
    return Part(
        kind=TRIAL,
        number=trial.number,
        name=f"trial-{trial.number:04d}",
        title=f"trial {trial.number}",
        spec=trial.spec,
        about={"origin": trial.origin},
        sizes={"params": trial.params, "macs": trial.macs},
        epochs=trial.epochs,
        ends={} if trial.accuracy is None else {"final_accuracy": trial.accuracy},
        state=trial.state,
        words=f"{trial.state}: {result_words(trial)}",
        started_at=trial.started_at,
        finished_at=trial.finished_at,
    )


def of_training(training: TrainingRecord) -> Part:
    """What trackers show of a model that is trained again."""
    trial, way = training.trial, "" if training.init == "scratch" else f"-{training.init}"
    epochs = training.spec.recipe.epochs
    ends = {"final_accuracy": training.accuracy, "test_accuracy": training.test_accuracy}
    return Part(
        kind=TRAINING,
        number=trial.number,
        name=f"retrain-{epochs}-epochs{way}-trial-{trial.number:04d}-seed-{training.seed}",
        title=f"trial {trial.number} again, {epochs} epochs{way.replace('-', ', ')}, seed {training.seed}",
        spec=training.spec,
        about={"origin": trial.origin, "trial": trial.number, "seed": training.seed, "init": training.init},
        sizes={"params": trial.params, "macs": trial.macs},
        epochs=training.epochs,
        ends={name: value for name, value in ends.items() if value is not None},
        state=training.state,
        words=f"{training.state}: {training.reason}" if training.reason else training.state,
        started_at=training.started_at,
        finished_at=training.finished_at,
    )


def epoch_values(done: EpochRecord) -> dict[str, float]:
    """The numbers of an epoch by name, without those that an objective does not give."""
    values = {name: getattr(done, name) for name in ("accuracy", "train_loss", "seconds")}
    if done.plain_accuracy is not None:
        values["plain_accuracy"] = done.plain_accuracy
    return {name: value for name, value in values.items() if not math.isnan(value)}


def flat(plain: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    """Every value of nested mappings, by its path with dots; lists as text, what is None left out."""
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{before}{key}", ", ".join(map(str, value))
        elif value is not None:
            yield f"{before}{key}", value
