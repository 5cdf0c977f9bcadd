"""The registry of what people add: each kind of it, and how one of a kind is found by its name.

A built-in one is a file in its kind's package, found by the file's name. Other people's come through entry
points of their distributions. Names are known without importing anything; a thing is imported when it is
asked for, and one that does not load is one line for whoever asks.
"""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any

from lcsearch.core.errors import InputError, no_such, one_line
from lcsearch.core.text import kind_of, with_article


@dataclass(frozen=True, slots=True, eq=False)
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
        reserved: Names that mean something else, so that nothing of the kind may have them.
    """

    word: str
    package: str
    group: str
    attribute: str
    setting: str = ""
    contract: str = ""
    forms: str = ""
    reserved: tuple[str, ...] = ()


NO_FAMILY = "none"
"""In place of a family: layers that could be of one together are not."""

BACKBONE = Kind(
    "backbone",
    "lcsearch.nets.backbones",
    "lcsearch.backbones",
    "BACKBONE",
    setting="backbone",
    contract="lcsearch.nets.backbones:Backbone",
    forms="torchvision:NAME, timm:NAME or package.module:function",
)
DATA_SET = Kind(
    "data set",
    "lcsearch.data.sets",
    "lcsearch.data_sets",
    "DATA_SET",
    setting="dataset",
    contract="lcsearch.data:DataSet",
    forms="torchvision:NAME, hf:NAME, folder:PATH or package.module:function",
)
FAMILY = Kind(
    "family",
    "lcsearch.layers.families",
    "lcsearch.families",
    "FAMILY",
    contract="lcsearch.layers.family:Family",
    reserved=(NO_FAMILY,),
)
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
ENGINE = Kind(
    "engine",
    "lcsearch.engines",
    "lcsearch.engines",
    "ENGINE",
    setting="engine",
    contract="lcsearch.engines:EngineMaker",
)
EXPORT_FORMAT = Kind(
    "export format",
    "lcsearch.export.formats",
    "lcsearch.export_formats",
    "FORMAT",
    setting="format",
    contract="lcsearch.export.formats:Format",
)
PLOT = Kind(
    "plot",
    "lcsearch.report.plots",
    "lcsearch.plots",
    "PLOT",
    setting="plot",
    contract="lcsearch.report.plot:Plot",
    forms="all",
)
TRACKER = Kind(
    "tracker",
    "lcsearch.runs.trackers",
    "lcsearch.trackers",
    "TRACKER",
    setting="track",
    contract="lcsearch.runs.trackers:TrackerMaker",
)

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
    """Where an object of some name is, and who made it; a built-in one is an entry point of our own."""

    entry: EntryPoint
    origin: str

    @property
    def name(self) -> str:
        return self.entry.name


def names(kind: Kind) -> list[str]:
    """Everything of a kind that has a name, in alphabetical order; nothing of it is imported."""
    return sorted({offer.name for offer in _offers(kind)})


def check(kind: Kind, name: str) -> None:
    """Make sure that there is something of a name, without importing it.

    Raises:
        InputError: There is nothing.
    """
    known = names(kind)
    if name not in known:
        raise InputError(no_such(kind.word, name, known, kind.forms), setting=kind.setting or None)


@functools.cache
def find(kind: Kind, name: str) -> Any:
    """Import one thing by its name.

    Args:
        kind: What it is.
        name: One of `names`.

    Raises:
        InputError: There is none of this name, or it does not load.
    """
    check(kind, name)
    offer = next(offer for offer in _offers(kind) if offer.name == name)
    try:
        return _load(kind, offer)
    except Exception as error:
        problem = f"{kind.word} {name!r} ({offer.origin}) does not load: {one_line(error)}"
        raise InputError(problem, setting=kind.setting or None) from error


def listed() -> list[Plugin]:
    """Everything that was found, by kind and name, each loaded to see whether it can be."""
    return [plugin for kind in KINDS for plugin in _listed(kind)]


def forget() -> None:
    """Look for everything anew at the next question, as after an installation."""
    for memory in (find, _offers, _installed):
        memory.cache_clear()


def _listed(kind: Kind) -> Iterator[Plugin]:
    owners = dict[str, _Offer]()
    for offer in sorted(_offers(kind), key=lambda offer: offer.name):
        owner = owners.setdefault(offer.name, offer)
        problem = None if owner is offer else f"not used: there is one of this name ({owner.origin})"
        yield Plugin(kind, offer.name, offer.origin, problem or _problem(kind, offer))


def _problem(kind: Kind, offer: _Offer) -> str | None:
    try:
        _load(kind, offer)
    except Exception as error:
        return one_line(error)
    return None


def _load(kind: Kind, offer: _Offer) -> Any:
    """Import what an offer names.

    Raises:
        Exception: Whatever its module raises.
        TypeError: It is of another kind.
        ValueError: Its name is reserved.
    """
    if offer.name in kind.reserved:
        raise ValueError(f"no {kind.word} can be called {offer.name!r}, which means something else")
    try:
        found = offer.entry.load()
    except SystemExit as error:  # a module may leave so where something is missing
        raise ImportError(f"its module leaves Python with {error.code!r}") from error
    if kind.contract:
        wanted = EntryPoint("contract", kind.contract, "").load()
        if not isinstance(found, wanted):
            raise TypeError(f"{offer.entry.value} is {kind_of(found)}, not {with_article(wanted.__name__)}")
    return found


@functools.cache
def _offers(kind: Kind) -> list[_Offer]:
    """Everything of a kind, in the order in which it has a right to its name."""
    built_in = [_Offer(entry, "built-in") for entry in _built_in(kind)]
    return [*built_in, *(offer for offer in _installed() if offer.entry.group == kind.group)]


def _built_in(kind: Kind) -> list[EntryPoint]:
    """The files of a kind's package, which need not exist and is not imported."""
    folder = Path(__file__).parents[1].joinpath(*kind.package.split(".")[1:])
    return [
        EntryPoint(file.name.replace("_", "-"), f"{kind.package}.{file.name}:{kind.attribute}", kind.group)
        for file in pkgutil.iter_modules([str(folder)])
        if not file.name.startswith("_")
    ]


@functools.cache
def _installed() -> list[_Offer]:
    """Every entry point for lcsearch, in the order of the import path.

    A distribution can lie on the path twice, as where a working copy hides an installed one.
    """
    found: dict[EntryPoint, _Offer] = {}
    for distribution in distributions():
        for entry in _entries(distribution):
            found.setdefault(entry, _Offer(entry, _origin(distribution)))
    return list(found.values())


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
