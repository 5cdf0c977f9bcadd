"""What a run has recorded, as plain frozen records: what the report, status and export read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from lcsearch.core.metric import ACCURACY, PLAIN_ACCURACY, Metric
from lcsearch.core.screened import Screened
from lcsearch.core.spec import TrialSpec

State = Literal["running", "complete", "pruned", "rejected", "failed"]
Origin = Literal[
    "baseline", "uniform", "thinner", "thinner cut", "uniform thinner", "given", "sensitivity", "sampler"
]
RIVALS: tuple[Origin, ...] = ("uniform", "thinner", "thinner cut", "uniform thinner")
"""What one would try without a search: one share for all layers; thinner nets from scratch, and cut out;
thinner nets from scratch with all layers of one family."""
THINNER: tuple[Origin, ...] = ("thinner", "uniform thinner")
"""Those that are trained from scratch, for the epochs of the backbone and of fine-tuning together."""
HAND_PICKED: tuple[Origin, ...] = ("baseline", *RIVALS)
"""What is trained whatever the search finds, and never stopped early."""
SEARCHED: tuple[Origin, ...] = ("sampler", "given", "sensitivity")
"""Who proposes what counts as found by the search."""


RetrainWay = Literal["scratch", "compressed"]

ACCURACY_BEFORE = "accuracy_before"
"""The metric that holds the accuracy before training of a model that did not start from fresh weights."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One finished epoch of a trial.

    Attributes:
        epoch: 1 for the first.
        accuracy: Validation accuracy in percent, by the run's metric as everywhere in records.
        train_loss: Mean training loss over the epoch; NaN where the objective gave none.
        seconds: Wall-clock seconds of the epoch, evaluation included.
        finished_at: Unix time.
        plain_accuracy: The share of right answers in percent, where the run's metric is another one.
    """

    epoch: int
    accuracy: float
    train_loss: float
    seconds: float
    finished_at: float
    plain_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class LayerCount:
    """One convolution or linear layer.

    Attributes:
        name: Module name.
        family: ``conv``, ``dense`` for a linear layer, or the family that took a convolution's place.
        params: Numbers that the model must store.
        macs: Multiply-accumulates of one image.
        numbers: The family's own numbers by name, None for what the layer does not have.
        trainable: Numbers that training changes; None where they are all that is stored.
        outputs: Output channels; None in records of older versions.
    """

    name: str
    family: str
    params: int
    macs: int
    numbers: Mapping[str, float | int | None] = field(default_factory=dict)
    trainable: int | None = None
    outputs: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON, the family's own numbers among the others."""
        shared = {"name": self.name, "family": self.family, "params": self.params, "macs": self.macs}
        more = {"trainable": self.trainable, "outputs": self.outputs}
        known = {key: value for key, value in more.items() if value is not None}
        return {**shared, **known, **self.numbers}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> LayerCount:
        """The inverse of `to_plain`."""
        own = {f.name for f in fields(cls)} - {"numbers"}
        known = {key: value for key, value in plain.items() if key in own}
        return cls(**known, numbers={key: value for key, value in plain.items() if key not in own})


def trainable_of(params: int, layers: Sequence[LayerCount]) -> int:
    """How many of a model's parameters training changes."""
    return params - sum(row.params - row.trainable for row in layers if row.trainable is not None)


@dataclass(frozen=True, slots=True)
class RungRecord:
    """One trial at one rung.

    Attributes:
        number: The trial's number.
        params: Its parameters.
        accuracy: Its validation accuracy at the rung, in percent.
    """

    number: int
    params: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What early stopping decided at a rung, and what it saw.

    Attributes:
        rung: The epoch count of the rung.
        go_on: Whether the trial went on.
        rule: The rule that decided, in a few words.
        saw: Numbers of the trials that it was compared with, in the order of their numbers.
    """

    rung: int
    go_on: bool
    rule: str
    saw: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: Its number in the study.
        state: What became of it. A duplicate is ``complete`` (or ``pruned``) like its original.
        origin: Who proposed it: a hand-picked kind, the user, the layers' sensitivity, or the sampler. What
            trains an earlier model on has the origin of that.
        label: What to call it in a legend, such as ``uniform alpha 1/4``.
        spec: What was trained.
        params: Numbers that the model must store.
        macs: Multiply-accumulates of one image.
        layers: Counts per convolution and linear layer, in module order.
        accuracy: Validation accuracy in percent of the last epoch; None unless complete.
        predicted: Predicted final accuracy of a stopped trial; None where there is none.
        predicted_error: Standard deviation of that prediction in points; None where it is not known.
        epochs: The finished epochs, in order; empty for duplicates and rejected trials.
        decisions: Rung decisions, in order.
        duplicate_of: The earlier trial whose values it took.
        parent: The earlier trial whose weights it was cut out of, or trains on; None for the backbone's, or
            none.
        reason: Why it failed, was rejected or was stopped.
        started_at: Unix time; None where it never started.
        finished_at: Unix time; None while it runs.
        worker: Where it ran.
        metrics: Every further number that the objective returned.
        screened: What it was chosen by before it was trained; None where nothing was screened for it.
        spent: Seconds of its workers by what they went for; empty where that was not measured.
    """

    number: int
    state: State
    origin: Origin
    label: str
    spec: TrialSpec
    params: int
    macs: int
    layers: tuple[LayerCount, ...] = ()
    accuracy: float | None = None
    predicted: float | None = None
    predicted_error: float | None = None
    epochs: tuple[EpochRecord, ...] = ()
    decisions: tuple[Decision, ...] = ()
    duplicate_of: int | None = None
    parent: int | None = None
    reason: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    worker: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    screened: Screened | None = None
    spent: Mapping[str, float] = field(default_factory=dict)

    @property
    def trainable(self) -> int:
        """How many of its parameters training changes."""
        return trainable_of(self.params, self.layers)

    @property
    def continues(self) -> bool:
        """Whether it trains the model of its parent on, from the parent's own weights."""
        return self.spec.recipe.init == "trial"

    @property
    def accuracy_before(self) -> float | None:
        """Accuracy in percent before its own training; None for a model that was trained from scratch."""
        return self.metrics.get(ACCURACY_BEFORE)

    @property
    def plain_accuracy(self) -> float | None:
        """The share of right answers in percent; None where the run's metric is that itself."""
        return self.metrics.get(PLAIN_ACCURACY)


@dataclass(frozen=True, slots=True)
class RetrainRecord:
    """One model trained again, longer and with several seeds, and then tested.

    Attributes:
        trial: The trial whose spec was trained again.
        epochs: Passes over the training images.
        seeds: The seeds that are finished, in order.
        accuracies: Test accuracy in percent of each of them.
        test_images: Images of the test set.
        init: Whether it was trained from fresh weights or on from the compressed ones of its trial.
        effective_images: Test images of a plain accuracy that is as uncertain; None for all of them.
    """

    trial: int
    epochs: int
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    test_images: int
    init: RetrainWay = "scratch"
    effective_images: int | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A whole run.

    Attributes:
        path: The run directory.
        settings: The content of run.yaml.
        smallest_params: Parameters of the smallest model that the space holds.
        trials: Every trial, by number; trial 0 is the plain backbone.
        retrained: What ``lcsearch retrain`` has finished; the test set is read nowhere else.
    """

    path: Path
    settings: Mapping[str, Any]
    smallest_params: int
    trials: tuple[TrialRecord, ...]
    retrained: tuple[RetrainRecord, ...] = ()

    @property
    def metric(self) -> Metric:
        """What every accuracy of the run is."""
        settings: Mapping[str, Any] = self.settings.get("settings", self.settings)
        metric: Metric = settings.get("metric", ACCURACY)
        return metric

    @property
    def screening_epochs(self) -> float:
        """What all screening cost, in epochs of the run's training images."""
        return sum(map(self.screened_for, self.trials))

    def screened_for(self, trial: TrialRecord) -> float:
        """What screening for one trial cost, in epochs of the run's training images."""
        return (
            0.0 if trial.screened is None else trial.screened.epochs(self.settings["facts"]["train_images"])
        )

    @property
    def baseline(self) -> TrialRecord | None:
        """The plain backbone's trial, once it is complete."""
        for trial in self.trials:
            if trial.origin == "baseline" and trial.state == "complete":
                return trial
        return None

    @property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that have a final accuracy and were trained for it."""
        return tuple(t for t in self.trials if t.state == "complete" and t.duplicate_of is None)
