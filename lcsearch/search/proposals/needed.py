"""Which hand-picked models are needed: of each kind, by rising size, up to one as accurate as the backbone.

A report says of a kind at which size it reaches the accuracy of the backbone, or some points less than that:
a larger model of the kind changes none of these.
"""

from __future__ import annotations

from typing import NamedTuple

from lcsearch.core.records import RIVALS, Origin
from lcsearch.core.spec import TrialSpec
from lcsearch.search.history import History

Kind = tuple[Origin, frozenset[str]]
"""Who proposes it, and the families of its layers: thinner nets of two families are two kinds."""


class Kinds(NamedTuple):
    """Kinds of hand-picked models of which no larger one is needed for sure.

    Attributes:
        ended: One as accurate as the backbone is there.
        open: One may be: it is in training.
    """

    ended: frozenset[Kind]
    open: frozenset[Kind]


def kind_of(origin: Origin, spec: TrialSpec) -> Kind:
    """The kind of a planned model, or of a trial."""
    return origin, frozenset(layer.family for layer in spec.model.layers.values())


def not_needed(history: History) -> Kinds:
    """What is known of all kinds; nothing until the backbone has an accuracy."""
    baseline = history.baseline
    if baseline is None or baseline.accuracy is None:
        return Kinds(frozenset(), frozenset())
    ended, running = set[Kind](), set[Kind]()
    for trial in history:
        if trial.origin in RIVALS:
            if trial.accuracy is not None and trial.accuracy >= baseline.accuracy:
                ended.add(kind_of(trial.origin, trial.spec))
            elif trial.state == "running":
                running.add(kind_of(trial.origin, trial.spec))
    return Kinds(frozenset(ended), frozenset(running))
