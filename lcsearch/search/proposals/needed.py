"""Which hand-picked models are needed: of each kind, by rising size, up to one as accurate as the backbone.

A report says of a kind at which size it reaches the accuracy of the backbone, or some points less than that:
a larger model of the kind changes none of these.
"""

from __future__ import annotations

from typing import Literal

from lcsearch.core.records import RIVALS, Origin
from lcsearch.core.spec import TrialSpec
from lcsearch.search.history import History

Need = Literal["yes", "open", "no"]
"""It is open while a smaller model of the kind is in training."""


def need_of(origin: Origin, spec: TrialSpec, history: History) -> Need:
    """Whether a planned model is needed.

    Args:
        origin: Who proposed it.
        spec: What is planned; smaller ones of its kind have been tried.
        history: Every trial.

    Returns:
        ``yes`` for whatever is not hand-picked, and while there is no accuracy of the backbone.
    """
    baseline = history.baseline
    if origin not in RIVALS or baseline is None or baseline.accuracy is None:
        return "yes"
    smaller = [trial for trial in history if _kind(trial.origin, trial.spec) == _kind(origin, spec)]
    if any(trial.accuracy is not None and trial.accuracy >= baseline.accuracy for trial in smaller):
        return "no"
    return "open" if any(trial.state == "running" for trial in smaller) else "yes"


def _kind(origin: Origin, spec: TrialSpec) -> tuple[Origin, frozenset[str]]:
    """Who proposed it, and the families of its layers: thinner nets of two families are two kinds."""
    return origin, frozenset(layer.family for layer in spec.model.layers.values())
