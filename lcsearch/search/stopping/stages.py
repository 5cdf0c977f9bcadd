"""Early stopping over a run's records: collects what a decision sees, and lets `stopping` decide."""

from __future__ import annotations

from lcsearch.core.records import Decision, TrialRecord
from lcsearch.search.history import HAND_PICKED, History
from lcsearch.search.stopping import rules as stopping
from lcsearch.search.stopping.predict import predict_final
from lcsearch.search.stopping.rules import RungRecord, StoppingSettings


class Stages:
    """The rungs of a run.

    Args:
        images: Validation images that an accuracy is measured on.
        settings: The rule and its numbers.
    """

    def __init__(self, images: int, settings: StoppingSettings) -> None:
        self._images = images
        self._settings = settings

    def decide(self, record: TrialRecord, history: History) -> Decision | None:
        """Decide at the rung that a trial's last epoch is; None where it is none.

        A trial is compared with those that started the same way: the latest 1,000 that have reached the rung
        (`lcsearch.search.reached.LATEST`), and the front of the earlier ones. What falls too far below the
        baseline is measured by the baseline at the same epoch, or by its end where it started another way.
        """
        epoch = record.epochs[-1].epoch
        if self._settings.kind == "none" or epoch not in self._rungs(record):
            return None
        baseline = history.baseline
        return stopping.decide(
            RungRecord(record.number, record.params, record.epochs[-1].accuracy),
            history.reached(epoch, record.spec.recipe.init),
            rung=epoch,
            baseline=None if baseline is None else _reference(record, baseline, epoch),
            images=self._images,
            hand_picked=record.origin in HAND_PICKED,
            settings=self._settings,
        )

    def predict(self, record: TrialRecord, history: History) -> float | None:
        """The accuracy in percent that a stopped trial would have ended with."""
        curve = [done.accuracy for done in record.epochs]
        return predict_final(curve, history.curves(record.spec.recipe.init))

    def _rungs(self, record: TrialRecord) -> tuple[int, ...]:
        return stopping.rungs(record.spec.recipe.epochs, self._settings.factor)


def _alike(one: TrialRecord, other: TrialRecord) -> bool:
    """Whether two trials started the same way: a model cut out of a backbone is ahead in its first epochs."""
    return one.spec.recipe.init == other.spec.recipe.init


def _reference(record: TrialRecord, baseline: TrialRecord, epoch: int) -> float | None:
    return _accuracy(baseline, epoch) if _alike(record, baseline) else baseline.accuracy


def _accuracy(record: TrialRecord, epoch: int) -> float | None:
    return next((done.accuracy for done in record.epochs if done.epoch == epoch), None)
