"""What becomes of one training of a model that is trained again, as a plain frozen record."""

from __future__ import annotations

from dataclasses import dataclass

from lcsearch.core.records import EpochRecord, RetrainWay, State, TrialRecord
from lcsearch.core.spec import TrialSpec


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """One training of a model that is trained again.

    Attributes:
        trial: The trial whose model it is.
        seed: 1 for the first training.
        init: Where its weights start.
        spec: What is trained: the trial's model, with more epochs.
        state: What has become of it: ``running``, ``complete`` or ``failed``.
        epochs: The finished epochs, in order.
        accuracy: Validation accuracy in percent of the last epoch; None unless complete.
        test_accuracy: That of the test images; None until it is tested.
        reason: Why it failed.
        started_at: Unix time; None where it never started, or where it is not known.
        finished_at: Unix time; None while it runs, or where it is not known.
    """

    trial: TrialRecord
    seed: int
    init: RetrainWay
    spec: TrialSpec
    state: State = "running"
    epochs: tuple[EpochRecord, ...] = ()
    accuracy: float | None = None
    test_accuracy: float | None = None
    reason: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
