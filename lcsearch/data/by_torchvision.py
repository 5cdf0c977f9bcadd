"""``torchvision:NAME``: the classification sets of torchvision, by the names of their classes there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lcsearch.core import plugins
from lcsearch.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from lcsearch.data.dataset import DataSet

PREFIX = "torchvision:"

_OURS = {
    "CIFAR10": "cifar10",
    "CIFAR100": "cifar100",
    "FashionMNIST": "fashion-mnist",
    "MNIST": "mnist",
    "SVHN": "svhn",
}
"""Those that have a name of their own here."""


def names() -> list[str]:
    """Every name behind the prefix, such as ``KMNIST`` and ``EMNIST,letters``."""
    from lcsearch.data.sets._torchvision_table import SETS

    return sorted([*SETS, *_OURS], key=str.lower)


def full_name(name: str) -> str:
    """A set's name in torchvision's spelling, or the one that it has here; another text as it is."""
    found = {known.lower(): known for known in names()}.get(name.removeprefix(PREFIX).lower())
    return name if found is None else _OURS.get(found, f"{PREFIX}{found}")


def named(name: str) -> DataSet:
    """The data set of ``torchvision:NAME``.

    Raises:
        InputError: torchvision has no classification set of this name.
    """
    from lcsearch.data.sets._torchvision_table import SETS

    full = full_name(name)
    if not full.startswith(PREFIX):
        ours: DataSet = plugins.find(plugins.DATA_SET, full)
        return replace(ours, name=full)
    kind = full.removeprefix(PREFIX)
    if kind not in SETS:
        raise InputError(_no_such_set(kind), setting="dataset")
    return replace(SETS[kind], name=full)


def _no_such_set(kind: str) -> str:
    known = names()
    splits = [name for name in known if name.lower().startswith(f"{kind.lower()},")]
    if splits:
        return f"{kind} is divided in several ways; choose from {', '.join(splits)}"
    return f"torchvision has no classification set {kind!r}; {did_you_mean(kind, known)}"
