"""Which planned models are needed: none larger than one of its kind that is as accurate as the backbone.

Hand-picked ones are planned by rising size. A report says of a kind at which size it reaches the accuracy of
the backbone, or some points less than that: a larger model of the kind changes none of these. A thinner net
is one kind, from scratch or cut out: whoever picks one takes what trains better.

What each layer loses proposes models to be cut out of the backbone too. They are larger than all that the
search trains from scratch, and are left out once one of these is as accurate as the backbone. What the user
gave may be larger, and says nothing of them.
"""

from __future__ import annotations

from typing import NamedTuple

from lcsearch.core.records import RIVALS, Origin, TrialRecord
from lcsearch.core.spec import TrialSpec
from lcsearch.search.history import History

Kind = tuple[Origin, frozenset[str]]
"""Who proposes it, and the families of its layers: thinner nets of two families are two kinds."""

_BY_SIZE: tuple[Origin, ...] = ("sensitivity", "sampler")
"""Whose models train from scratch where they are small, and are cut out of the backbone where not."""

_PROPOSED: Kind = ("sensitivity", frozenset())
"""Models to be cut out of the backbone that what each layer loses proposes, whatever their families."""


class Kinds(NamedTuple):
    """Kinds of models of which no larger one is needed for sure.

    Attributes:
        ended: One as accurate as the backbone is there.
        open: One may be: it is in training.
    """

    ended: frozenset[Kind]
    open: frozenset[Kind]


def kind_of(origin: Origin, spec: TrialSpec) -> Kind | None:
    """The kind of a planned model; None for one that is tried whatever others reach."""
    if origin in RIVALS:
        return _picked(origin, spec)
    return _PROPOSED if origin == "sensitivity" and spec.recipe.is_cut_out else None


def not_needed(history: History) -> Kinds:
    """What is known of all kinds; nothing until the backbone has an accuracy."""
    baseline = history.baseline
    if baseline is None or baseline.accuracy is None:
        return Kinds(frozenset(), frozenset())
    ended, running = set[Kind](), set[Kind]()
    for trial in history:
        kind = _ended_by(trial)
        if kind is not None and trial.accuracy is not None and trial.accuracy >= baseline.accuracy:
            ended.add(kind)
        elif kind is not None and trial.state == "running":
            running.add(kind)
    return Kinds(frozenset(ended), frozenset(running))


def _ended_by(trial: TrialRecord) -> Kind | None:
    """The kind of which no larger model is needed where a trial is as accurate as the backbone."""
    if trial.origin in RIVALS:
        return _picked(trial.origin, trial.spec)
    from_scratch = trial.origin in _BY_SIZE and trial.spec.recipe.init == "scratch"
    return _PROPOSED if from_scratch else None


def _picked(origin: Origin, spec: TrialSpec) -> Kind:
    families = frozenset(layer.family for layer in spec.model.layers.values())
    return "thinner" if origin == "thinner cut" else origin, families
