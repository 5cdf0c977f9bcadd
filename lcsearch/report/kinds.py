"""The kinds of models that a report compares, in words."""

from __future__ import annotations

from collections.abc import Iterable

from lcsearch.core.records import Origin, RunRecord
from lcsearch.layers import lookup

_NAMES = {
    "search": "the search",
    "uniform": "uniform alpha",
    "thinner": "a thinner net",
    "thinner cut": "a thinner net cut out of the backbone",
    "uniform thinner": "a thinner net of {} layers",
    "by hand": "the best models picked by hand",
}
KINDS = tuple(_NAMES)
"""In the order in which they are shown."""


def kind_names(run: RunRecord) -> dict[str, str]:
    """What each kind is called in a sentence: where its layers are of some family, that family is named."""
    names = dict(_NAMES)
    uniform, thinner = _families(run, "uniform"), _families(run, "uniform thinner")
    if uniform:
        names["uniform"] = f"uniform {_or(lookup.family(kind).short_of or kind for kind in uniform)}"
    names["uniform thinner"] = names["uniform thinner"].format(_or(thinner))
    return names


def thinner_family(run: RunRecord) -> str:
    """Of which family the layers of hand-picked thinner nets are that are not plain."""
    return _or(_families(run, "uniform thinner"))


def _families(run: RunRecord, origin: Origin) -> list[str]:
    """Families of the layers of a kind, in the order in which they come up."""
    trials = (trial for trial in run.trials if trial.origin == origin)
    found = (layer.family for trial in trials for layer in trial.spec.model.layers.values())
    return list(dict.fromkeys(found))


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
