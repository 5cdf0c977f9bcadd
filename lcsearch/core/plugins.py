"""The registry of what people add: each kind of it, and how one of a kind is found by its name.

A built-in one is a file in its kind's package, found by the file's name. Other people's come through entry
points of their distributions. Names are known without importing anything; a thing is imported when it is
asked for, and one that does not load is one line for whoever asks.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any, TypeVar

from lcsearch.core.errors import InputError, no_such
from lcsearch.core.functions import one_line

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that people add.

    Attributes:
        word: What messages call it.
        package: Where its built-in ones lie: a file or a folder each, ``-`` in a name written as ``_``.
            Those that begin with ``_`` are helpers of the others.
        group: The entry points of other people's.
        attribute: What the file of a built-in one calls it; an entry point names its object itself.
        setting: The setting that takes the name; empty where none does.
        contract: ``package.module:class`` of what each must be an instance of.
        forms: What the setting takes beside names, for messages.
    """

    word: str
    package: str
    group: str
    attribute: str
    setting: str = ""
    contract: str = ""
    forms: str = ""


BACKBONE = Kind(
    "backbone",
    "lcsearch.nets.backbones",
    "lcsearch.backbones",
    "BACKBONE",
    setting="backbone",
    forms="torchvision:NAME or package.module:function",
)
DATA_SET = Kind(
    "data set",
    "lcsearch.data.sets",
    "lcsearch.data_sets",
    "DATA_SET",
    setting="dataset",
    contract="lcsearch.data:DataSet",
    forms="folder:PATH or package.module:function",
)
FAMILY = Kind("family", "lcsearch.layers.families", "lcsearch.families", "FAMILY")
SAMPLER = Kind(
    "sampler",
    "lcsearch.search.samplers",
    "lcsearch.samplers",
    "SAMPLER",
    setting="sampler",
    contract="lcsearch.search.samplers:Sampler",
)
STOPPING_RULE = Kind(
    "stopping rule",
    "lcsearch.search.stopping",
    "lcsearch.stopping_rules",
    "STOPPING_RULE",
    setting="early_stopping",
    contract="lcsearch.search.stopping:StoppingRule",
)
ENGINE = Kind("engine", "lcsearch.engines", "lcsearch.engines", "ENGINE", setting="engine")
EXPORT_FORMAT = Kind(
    "export format", "lcsearch.export.formats", "lcsearch.export_formats", "FORMAT", setting="format"
)
PLOT = Kind("plot", "lcsearch.report.plots", "lcsearch.plots", "PLOT", setting="plot")
TRACKER = Kind("tracker", "lcsearch.runs.trackers", "lcsearch.trackers", "TRACKER")

KINDS = (BACKBONE, DATA_SET, FAMILY, SAMPLER, STOPPING_RULE, ENGINE, EXPORT_FORMAT, PLOT, TRACKER)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One thing that was found.

    Attributes:
        kind: What it is.
        name: What it is asked for by.
        origin: ``built-in``, or the distribution and its version.
        problem: Why it cannot be used, in one line; None where it can.
    """

    kind: Kind
    name: str
    origin: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Offer:
    """An entry point and the distribution that it comes from."""

    entry: EntryPoint
    origin: str


def names(kind: Kind) -> list[str]:
    """Everything of a kind that has a name, in alphabetical order; nothing of it is imported."""
    return sorted({*_built_in(kind), *(offer.entry.name for offer in _offers(kind))})


def find(kind: Kind, name: str) -> Any:
    """Import one thing by its name.

    Args:
        kind: What it is.
        name: One of `names`.

    Raises:
        InputError: There is none of this name, or it does not load.
    """
    if name in _built_in(kind):
        return _load_built_in(kind, name)
    offer = next((offer for offer in _offers(kind) if offer.entry.name == name), None)
    if offer is None:
        raise InputError(_prefix(kind) + no_such(kind.word, name, names(kind), kind.forms))
    return _load_offer(kind, offer)


def listed() -> list[Plugin]:
    """Everything that was found, by kind and name, each loaded to see whether it can be."""
    return [plugin for kind in KINDS for plugin in _listed(kind)]


def forget() -> None:
    """Read the entry points anew at the next question, as after an installation."""
    _all_offers.cache_clear()


def _listed(kind: Kind) -> Iterator[Plugin]:
    owners = dict.fromkeys(_built_in(kind), "built-in")
    for name in sorted(owners):
        yield Plugin(kind, name, "built-in", _problem(_load_built_in, kind, name))
    for offer in sorted(_offers(kind), key=lambda offer: offer.entry.name):
        name = offer.entry.name
        if name in owners:
            problem: str | None = f"not used: {owners[name]} has this name too"
        else:
            owners[name] = offer.origin
            problem = _problem(_load_offer, kind, offer)
        yield Plugin(kind, name, offer.origin, problem)


def _problem(load: Callable[[Kind, _T], Any], kind: Kind, what: _T) -> str | None:
    try:
        load(kind, what)
    except InputError as error:
        return str(error)
    return None


def _built_in(kind: Kind) -> list[str]:
    """Names of the files in a kind's package, which need not exist and is not imported."""
    folder = Path(__file__).parents[1].joinpath(*kind.package.split(".")[1:])
    files = [module.name for module in pkgutil.iter_modules([str(folder)])]
    return sorted(file.replace("_", "-") for file in files if not file.startswith("_"))


def _load_built_in(kind: Kind, name: str) -> Any:
    about = f"{_prefix(kind)}{kind.word} {name!r}"
    try:
        module = importlib.import_module(f"{kind.package}.{name.replace('-', '_')}")
        found = getattr(module, kind.attribute)
    except Exception as error:
        raise InputError(f"{about} does not load: {one_line(error)}") from error
    return found


def _load_offer(kind: Kind, offer: _Offer) -> Any:
    about = f"{_prefix(kind)}{kind.word} {offer.entry.name!r} of {offer.origin}"
    try:
        found = offer.entry.load()
    except (Exception, SystemExit) as error:  # a module may leave with sys.exit where something is missing
        raise InputError(f"{about} does not load: {one_line(error)}") from error
    wanted = _contract(kind)
    if not isinstance(found, wanted):
        raise InputError(f"{about} is a {type(found).__name__}, not a {wanted.__module__}.{wanted.__name__}")
    return found


def _contract(kind: Kind) -> type:
    module, _, name = kind.contract.partition(":")
    return getattr(importlib.import_module(module), name) if module else object


def _offers(kind: Kind) -> list[_Offer]:
    return _all_offers().get(kind.group, [])


@functools.cache
def _all_offers() -> dict[str, list[_Offer]]:
    """Every entry point for lcsearch by its group, in the order of the import path.

    A distribution can lie on the path twice, as where a working copy hides an installed one.
    """
    found: dict[str, dict[tuple[str, str], _Offer]] = {}
    groups = {kind.group for kind in KINDS}
    for distribution in distributions():
        for entry in _entries(distribution):
            if entry.group in groups:
                group = found.setdefault(entry.group, {})
                group.setdefault((entry.name, entry.value), _Offer(entry, _origin(distribution)))
    return {group: list(offers.values()) for group, offers in found.items()}


def _entries(distribution: Distribution) -> list[EntryPoint]:
    """A distribution's entry points; none where it has nothing for lcsearch or its file is damaged."""
    try:
        text = distribution.read_text("entry_points.txt") or ""
        return list(distribution.entry_points) if "[lcsearch." in text else []
    except Exception:
        return []


def _origin(distribution: Distribution) -> str:
    try:
        return f"{distribution.metadata['Name']} {distribution.version}"
    except Exception:
        return "a distribution without a name"


def _prefix(kind: Kind) -> str:
    return f"--{kind.setting.replace('_', '-')}: " if kind.setting else ""
