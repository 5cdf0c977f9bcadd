"""What a search and a retraining have in common: a run that is held open while an engine works on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from lcsearch.core.errors import HaltError, is_disk_full
from lcsearch.core.job import Objective
from lcsearch.engines import Director, Engine
from lcsearch.runs.directory import RunDirectory


class Interruptible(Director, Protocol):
    """A director that can be told to leave."""

    def interrupt(self) -> None:
        """Let every trial finish its epoch, keep its checkpoint, and hand out nothing more."""


class Sitting(ABC):
    """A context manager that holds a run's lock, and leaves no worker behind.

    Args:
        directory: The run directory.
        engine: Runs trials.
        objective: What a trial does.
    """

    def __init__(self, directory: RunDirectory, engine: Engine, objective: Objective) -> None:
        self.path: Path = directory.path
        self.engine = engine
        self._directory = directory
        self._objective = objective
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._directory.locked())
            stack.callback(self.engine.close)
            self._enter(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @abstractmethod
    def _enter(self, stack: ExitStack) -> None:
        """Open what else is needed, and prepare the engine.

        Raises:
            InputError: Trials could not run.
        """

    def _drive(self, director: Interruptible) -> str | None:
        """Let the engine run until the end, an interruption, or a fault; no worker is left then.

        Returns:
            What went wrong, in one line; None if nothing did.
        """
        try:
            self.engine.run(director, self._objective)
        except KeyboardInterrupt:
            director.interrupt()
        except HaltError as error:
            return f"{self.path}: {error}"
        except OSError as error:
            if not is_disk_full(error):
                raise
            return f"{self.path}: the disk is full"
        finally:
            self.engine.close()
        return None
