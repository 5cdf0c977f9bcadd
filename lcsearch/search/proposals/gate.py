"""Holds back what is cut out of the trained backbone until there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from lcsearch.core.errors import InputError
from lcsearch.core.files import copy_file
from lcsearch.core.job import BACKBONE, Progress
from lcsearch.core.spec import ModelSpec
from lcsearch.runs.directory import RunDirectory
from lcsearch.search.history import History
from lcsearch.search.proposals.candidate import Candidate


class Prepare(Protocol):
    """Makes what trials need beside the backbone's weights."""

    def __call__(self, start: Path, progress: Progress) -> Sequence[ModelSpec]:
        """Fill the start folder, as far as it is not filled, and propose models.

        Args:
            start: The folder; it holds the backbone's weights.
            progress: Hears what is being done; what it raises passes through, and a later call goes on.

        Returns:
            Models that promise to lose the least, best first tried; the same for the same folder.
        """


class Gate:
    """Opens once the backbone's weights are there and prepared for.

    Args:
        directory: The run directory.
        waits: Whether the backbone is a trial of this run; else its weights lie in the start folder already.
        prepare: Makes what trials need beside the weights.
        later: The candidates behind the gate, given what was proposed.
    """

    def __init__(
        self,
        directory: RunDirectory,
        waits: bool,
        prepare: Prepare,
        later: Callable[[Sequence[ModelSpec]], Sequence[Candidate]],
    ) -> None:
        self._directory = directory
        self._waits = waits
        self._prepare = prepare
        self._later = later

    def open(self, history: History, progress: Progress) -> Sequence[Candidate] | None:
        """What lies behind the gate; None while the backbone is in training.

        Raises:
            InputError: The weights are gone.
            OSError: The disk is full.
        """
        weights = self._directory.start / BACKBONE
        if self._waits:
            baseline = history.baseline
            if baseline is None or baseline.state != "complete":
                return None
            if not weights.is_file():
                copy_file(self._directory.weights(baseline.number), weights)
        if not weights.is_file():
            raise InputError(f"{weights}: is missing, so no model can be cut out of the backbone")
        return self._later(self._prepare(self._directory.start, progress))

    def dead_end(self, history: History) -> str | None:
        """Why it will never open, in words; None while it may."""
        baseline = history.baseline
        if not self._waits or baseline is None or baseline.state != "failed":
            return None
        return (
            f"trial {baseline.number}, the plain backbone, failed ({baseline.reason}), so there is nothing "
            "to cut models out of"
        )
