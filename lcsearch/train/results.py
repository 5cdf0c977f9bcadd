"""What a training run reports, returns and raises."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """One finished epoch.

    Attributes:
        epoch: 1 for the first.
        accuracy: Validation accuracy in percent, by the metric that training was given, of the averaged
            weights where there are some.
        train_loss: Mean training loss over the epoch's steps, penalties included.
        seconds: Wall-clock seconds of training and evaluation.
        learning_rate: Of the epoch's last step.
        accuracy_before: Validation accuracy in percent of the weights that the run started from; None where
            they were not measured.
        plain_accuracy: The share of right answers in percent; None where the metric is that itself.
    """

    epoch: int
    accuracy: float
    train_loss: float
    seconds: float
    learning_rate: float
    accuracy_before: float | None = None
    plain_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class TrainResult:
    """How a run ended.

    Attributes:
        history: Every finished epoch, in order, those before a resume included.
        stopped: Whether the report ended the run before its last epoch.
        resumed_from: Finished epochs of the checkpoint that the run continued from; 0 where it began anew.
    """

    history: tuple[EpochMetrics, ...]
    stopped: bool
    resumed_from: int

    @property
    def accuracy(self) -> float:
        """Validation accuracy in percent of the weights that the model holds now."""
        return self.history[-1].accuracy


class TrainingFailed(RuntimeError):  # noqa: N818
    """The training diverged: a loss or a weight is not finite.

    Args:
        what: What is not finite, such as ``loss is nan``.
        epoch: 1 for the first.
        step: Step within the epoch, 1 for the first.
        learning_rate: Of that step.
    """

    def __init__(self, what: str, epoch: int, step: int, learning_rate: float) -> None:
        super().__init__(what, epoch, step, learning_rate)
        self.what, self.epoch, self.step, self.learning_rate = what, epoch, step, learning_rate

    def __str__(self) -> str:
        """One line for the record."""
        return f"{self.what} at epoch {self.epoch}, step {self.step}, learning rate {self.learning_rate:.3g}"
