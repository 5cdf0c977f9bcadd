"""Early stopping over a run's records: collects what a stopping rule sees, and records what it says."""

from __future__ import annotations

from lcsearch.core.records import HAND_PICKED, Decision, RungRecord, TrialRecord
from lcsearch.search.history import History
from lcsearch.search.predict import Extrapolation, extrapolate
from lcsearch.search.stopping import Arrival, StoppingRule


class Rungs:
    """The rungs of a run: epochs at which trials are compared.

    Args:
        images: Images that the noise of an accuracy is worked out from.
        rule: Which trials it stops.
        factor: Ratio between one rung and the next, at least 2.
        metric: What people call an accuracy.
    """

    def __init__(self, images: int, rule: StoppingRule, factor: int, metric: str = "accuracy") -> None:
        self._images = images
        self._rule = rule
        self._factor = factor
        self._metric = metric

    def decide(self, record: TrialRecord, history: History) -> Decision | None:
        """Decide at the rung that a trial's last epoch is; None where it is none, or the rule says nothing.

        A trial is compared with those that started the same way: the latest 1,000 that have reached the rung
        (`lcsearch.search.history.LATEST`), and the front of the earlier ones. What falls too far below the
        baseline is measured by the baseline at the same epoch, or by its end where it started another way.
        Hand-picked trials are never stopped: every run shows what hand-picking would have given. Nor is what
        trains an earlier model on, about which nothing is decided.
        """
        epoch = record.epochs[-1].epoch
        if record.continues or epoch not in rung_epochs(record.spec.recipe.epochs, self._factor):
            return None
        arrival = self._arrival(record, history, epoch)
        verdict = self._rule(arrival)
        if verdict is None:
            return None
        go_on, why = verdict
        if record.origin in HAND_PICKED:
            go_on, why = True, "hand-picked trials always go on"
        return Decision(epoch, go_on, why, tuple(other.number for other in arrival.others))

    def predict(self, record: TrialRecord, history: History) -> Extrapolation:
        """The accuracy in percent that a stopped trial, which has an epoch, would have ended with."""
        curve = [done.accuracy for done in record.epochs]
        return extrapolate(curve, history.curves(record.spec.recipe.init))

    def _arrival(self, record: TrialRecord, history: History, epoch: int) -> Arrival:
        reached = history.reached(epoch, record.spec.recipe.init)
        others = sorted((other for other in reached if other.number != record.number), key=lambda r: r.number)
        baseline = history.baseline
        return Arrival(
            RungRecord(record.number, record.params, record.epochs[-1].accuracy),
            tuple(others),
            None if baseline is None else _reference(record, baseline, epoch),
            self._images,
            self._factor,
            self._metric,
            tuple(done.accuracy for done in record.epochs),
            record.spec.recipe.epochs - epoch,
            history.ended(record.spec.recipe.init),
            tuple(RungRecord(t.number, t.params, t.accuracy or 0.0) for t in history.front()),
        )


def rung_epochs(epochs: int, factor: int) -> tuple[int, ...]:
    """Return the epochs at which trials are compared: 1, factor, factor² … strictly below ``epochs``.

    Args:
        epochs: Epochs of a whole trial.
        factor: Ratio between rungs, at least 2.
    """
    if factor < 2:
        raise ValueError(f"factor={factor} is below 2")
    found = []
    rung = 1
    while rung < epochs:
        found.append(rung)
        rung *= factor
    return tuple(found)


def _alike(one: TrialRecord, other: TrialRecord) -> bool:
    """Whether two trials started the same way: a model cut out of a backbone is ahead in its first epochs."""
    return one.spec.recipe.init == other.spec.recipe.init


def _reference(record: TrialRecord, baseline: TrialRecord, epoch: int) -> float | None:
    if not _alike(record, baseline):
        return baseline.accuracy
    as_long = record.spec.recipe.epochs == baseline.spec.recipe.epochs
    return _accuracy(baseline, epoch) if as_long else None


def _accuracy(record: TrialRecord, epoch: int) -> float | None:
    return next((done.accuracy for done in record.epochs if done.epoch == epoch), None)
