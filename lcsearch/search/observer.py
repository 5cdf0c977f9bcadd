"""What the search tells whoever watches it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from lcsearch.core.job import Metrics
from lcsearch.core.metric import PLAIN_ACCURACY
from lcsearch.core.records import EpochRecord, TrialRecord
from lcsearch.core.trainings import TrainingRecord

if TYPE_CHECKING:
    from lcsearch.search.history import History


def epoch_record(epoch: int, metrics: Metrics) -> EpochRecord:
    """What a worker has reported of an epoch that it finished now."""
    return EpochRecord(
        epoch,
        float(metrics["accuracy"]),
        float(metrics.get("train_loss", math.nan)),
        float(metrics.get("seconds", math.nan)),
        time.time(),
        metrics.get(PLAIN_ACCURACY),
    )


class Observer:
    """Hears what happens and does nothing: the base of displays, and of what tells trackers."""

    def started(self, record: TrialRecord) -> None:
        """A worker has begun a trial."""

    def epoch(self, record: TrialRecord) -> None:
        """A trial has finished an epoch; its last decision may be to stop."""

    def untrained(self, record: TrialRecord) -> None:
        """A trial was decided without training: rejected, or a duplicate."""

    def lost(self, record: TrialRecord, reason: str) -> None:
        """A worker died; its trial is handed out again."""

    def ended(self, record: TrialRecord, history: History) -> None:
        """A trial has its end."""

    def training(self, record: TrainingRecord) -> None:
        """A model is trained again; `Tracker.training` says when this is told."""

    def preparing(self, words: str, history: History) -> None:
        """Something is made that the next trials need; called now and then until it is there."""

    def remark(self, words: str) -> None:
        """Something is to be said to the user, in a line, that is told by no other method."""

    def tick(self, history: History) -> None:
        """Called about once a second."""


class Audience(Observer):
    """Several who all hear what happens, in the order in which they came."""

    def __init__(self) -> None:
        self._members: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Let one more hear what happens from now on."""
        self._members.append(observer)

    def started(self, record: TrialRecord) -> None:
        """Tell all."""
        for member in self._members:
            member.started(record)

    def epoch(self, record: TrialRecord) -> None:
        """Tell all."""
        for member in self._members:
            member.epoch(record)

    def untrained(self, record: TrialRecord) -> None:
        """Tell all."""
        for member in self._members:
            member.untrained(record)

    def lost(self, record: TrialRecord, reason: str) -> None:
        """Tell all."""
        for member in self._members:
            member.lost(record, reason)

    def ended(self, record: TrialRecord, history: History) -> None:
        """Tell all."""
        for member in self._members:
            member.ended(record, history)

    def training(self, record: TrainingRecord) -> None:
        """Tell all."""
        for member in self._members:
            member.training(record)

    def preparing(self, words: str, history: History) -> None:
        """Tell all."""
        for member in self._members:
            member.preparing(words, history)

    def remark(self, words: str) -> None:
        """Tell all."""
        for member in self._members:
            member.remark(words)

    def tick(self, history: History) -> None:
        """Tell all."""
        for member in self._members:
            member.tick(history)
