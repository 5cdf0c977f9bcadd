"""What a trial is exported as: one format a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.packages import require

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.core.config import Source
    from lcsearch.core.spec import TrialSpec
    from lcsearch.export.source import About


class Format(ABC):
    """A way to write a trial: as a model (`ModelFormat`) or as its config (`ConfigFormat`).

    Attributes:
        suffixes: Ends of its files' names, such as ``.onnx``; the first is the usual one.
        packages: What it imports beyond lcsearch's own dependencies.
        install: What ``pip install`` is to be given where one of them is missing.
        folds_batch_norm: Whether ``--fold-batch-norm`` means something to it.
    """

    suffixes: ClassVar[tuple[str, ...]]
    packages: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""
    folds_batch_norm: ClassVar[bool] = False

    def require(self) -> None:
        """Check that its packages are installed.

        Raises:
            InputError: One is missing.
        """
        require(self.packages, self.install, "format")


class ModelFormat(Format):
    """A file that computes what the trained model computes."""

    @abstractmethod
    def write(self, model: nn.Module, about: About, path: Path) -> None:
        """Write a model, which is in evaluation mode and stays as it is, to a file."""

    @abstractmethod
    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        """Return what the file computes: from float32 images (b, c, h, w) to scores (b, classes)."""


class ConfigFormat(Format):
    """A file that says what the model is and how it was trained, without weights."""

    @abstractmethod
    def write(self, spec: TrialSpec, source: Source, path: Path) -> None:
        """Write a spec, and where it comes from, to a file."""

    @abstractmethod
    def read(self, path: Path) -> TrialSpec:
        """Return the spec of a file; plain layers may be left out."""


def find(name: str) -> Format:
    """Import the format of a name.

    Raises:
        InputError: There is none, or it does not load.
    """
    form: Format = plugins.find(plugins.EXPORT_FORMAT, name)
    return form


def suffixes() -> dict[str, list[str]]:
    """By end of a file's name: the formats that write such files. What does not load is left out."""
    found = dict[str, list[str]]()
    for name in plugins.names(plugins.EXPORT_FORMAT):
        try:
            ends = find(name).suffixes
        except InputError:
            continue
        for suffix in ends:
            found.setdefault(suffix, []).append(name)
    return found
