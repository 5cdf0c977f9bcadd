"""The user's own training loop as an objective of the search."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from lcsearch.core.by_value import ByValue, culprit, dumps, goes_by_name, is_interactive
from lcsearch.core.errors import InputError, halting, one_line
from lcsearch.core.functions import find_function
from lcsearch.core.job import CHECKPOINT, WEIGHTS, Job, Metrics, Report, ResultError
from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import TrialSpec
from lcsearch.core.stopwatch import during
from lcsearch.core.text import kind_of
from lcsearch.nets.tensors import write_state
from lcsearch.train.objective import prepare_folder


class TrialReport:
    """What a training loop is given to talk to the search; call it after each epoch.

    Attributes:
        trial: The trial's number.
        attempt: 0 at first; one more each time the worker of this trial was lost.
        seed: Python's, NumPy's and PyTorch's generators were seeded with it.
        device: The device that ``lcsearch.search`` was given, such as ``cpu`` or ``cuda``.
        stopped: Whether the search has said to stop; what the loop then returns is not looked at.
        directory: The trial's folder; it exists. What is written here stays.
        checkpoint: A file in it for the loop's own checkpoint. It outlives a killed process, and is removed
            at the trial's end. A loop that goes on from it first reports the checkpoint's last epoch once
            more.
    """

    def __init__(self, job: Job, report: Report, device: str) -> None:
        self.trial = job.number
        self.attempt = job.attempt
        self.seed = job.seed
        self.device = device
        self.directory = Path(job.directory)
        self.checkpoint = self.directory / CHECKPOINT
        self._report = report
        self.stopped = False
        self._begun = time.monotonic()

    def __call__(self, epoch: int, accuracy: float, **more: float) -> bool:
        """Tell how good the model is after an epoch.

        Args:
            epoch: 1 for the first.
            accuracy: Validation accuracy in percent.
            **more: Further numbers; ``train_loss`` and ``seconds`` (measured if not given) are recorded.

        Returns:
            Whether to go on. After the first False it stays False, and nothing more is recorded.

        Raises:
            ResultError: The epoch is no number from 1 on, or the accuracy no percentage.
        """
        if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 1:
            raise ResultError(f"report was given epoch {epoch!r}; the first epoch is 1")
        now = time.monotonic()
        numbers = {"seconds": now - self._begun, **more, "accuracy": accuracy}
        self._begun = now
        if not self.stopped:
            self.stopped = not self._report(epoch, _numbers(numbers, f"epoch {epoch}"))
        return not self.stopped

    def save(self, model: nn.Module) -> None:
        """Keep a model's weights as the trial's own; of trials that leave the front they are removed.

        Raises:
            HaltError: The folder is gone or not writable; the run can be gone on with.
            OSError: The disk is full; likewise.
        """
        with halting(), during("checkpoint"):
            write_state(model.state_dict(), self.directory / WEIGHTS)


Function = Callable[[TrialSpec, TrialReport], float | Mapping[str, float]]
"""A training loop: takes what to train and a report, returns the final metrics."""


@dataclass(frozen=True)
class UserObjective:
    """Runs the user's training loop for one trial.

    Pickled with the code of the loop where other processes cannot import that by name.

    Attributes:
        function: The loop.
        device: What its report names as the device.
        threads: CPU threads of a trial whose job names none; 0 leaves PyTorch's choice.
        backbone: What is searched. One of ``__main__`` goes where the loop goes, and is found there likewise.
    """

    function: Function
    device: str
    threads: int
    backbone: str = ""

    def __call__(self, job: Job, report: Report) -> Metrics:
        """Seed everything, call the loop, and check what it returns."""
        prepare_folder(job, self.threads)
        seed_everything(job.seed)
        told = TrialReport(job, report, self.device)
        returned: object = self.function(job.spec, told)
        if told.stopped:
            return {}
        numbers = returned if isinstance(returned, Mapping) else {"accuracy": returned}
        return _numbers(numbers, "the objective's result")

    def __reduce__(self) -> tuple[Callable[..., UserObjective], tuple[Any, str, int, str]]:
        functions = self.function, backbone_of_main(self.backbone)
        sent = functions if goes_by_name(functions) else ByValue(functions)
        return _received, (sent, self.device, self.threads, self.backbone)


def _received(functions: tuple[Function, Any], device: str, threads: int, backbone: str) -> UserObjective:
    """What a worker unpickles; its own ``__main__`` is another one."""
    loop, net = functions
    if net is not None:
        setattr(sys.modules["__main__"], backbone.partition(":")[2], net)
    return UserObjective(loop, device, threads, backbone)


def backbone_of_main(backbone: str) -> Any:
    """The function that a backbone named ``__main__:function`` is; None for any other backbone."""
    module, _, name = backbone.partition(":")
    return getattr(sys.modules["__main__"], name, None) if module == "__main__" else None


def objective_name(function: Any) -> str:
    """The name to record: ``module:function``, or in parentheses what cannot be imported by name."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        kind = type(function)
        return f"({kind.__module__}.{kind.__qualname__})"
    module = function.__module__
    if module == "__main__" and is_interactive():
        return f"({module}.{name})"
    if module == "__main__":
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        module = spec.name if spec is not None else Path(str(main.__file__)).stem
    return f"({module}.{name})" if "<" in name else f"{module}:{name}"


def backbone_name(backbone: Any) -> Any:
    """The name of a backbone that was given as a function; anything else as it is.

    Raises:
        InputError: It has none by which it could be found again.
    """
    if not callable(backbone):
        return backbone
    name = objective_name(backbone)
    of_cell = name.strip("()").removeprefix("__main__.")
    if name.startswith("(__main__.") and is_interactive() and of_cell.isidentifier():
        return f"__main__:{of_cell}"
    if name.startswith("("):
        problem = f"{name.strip('()')} cannot be found by its name; define it at the top level of a module"
        raise InputError(problem, setting="backbone")
    return name


def check_objective(function: Any) -> None:
    """Check that worker processes can be given a function.

    Raises:
        InputError: It is not callable, or it cannot be pickled.
    """
    if not callable(function):
        raise InputError(f"objective: {function!r} is {kind_of(function)}, not a function")
    check_sent("objective", function)


def check_sent(setting: str, function: Any) -> None:
    """Check that a function can be sent to worker processes.

    Args:
        setting: The setting that it was given for, for the message.
        function: The function.

    Raises:
        InputError: It cannot be pickled.
    """
    if goes_by_name(function):
        return
    try:
        dumps(function)
    except Exception as error:
        name = getattr(function, "__qualname__", type(function).__qualname__)
        variable = culprit(function)
        what = f"{variable!r}, which {name} uses," if variable else name
        advice = "; make it inside the function instead" if variable else ""
        problem = f"{what} cannot be sent to workers ({one_line(error)}){advice}"
        raise InputError(f"{setting}: {problem}") from None


def recorded_objective(name: str, *, device: str, threads: int, path: Path) -> UserObjective:
    """The objective that a run was made with, imported by its name.

    Args:
        name: As `objective_name` gave it.
        device: What its report names as the device.
        threads: CPU threads of its process; 0 leaves PyTorch's choice.
        path: The run directory.

    Raises:
        InputError: It cannot be imported.
    """
    again = f"call lcsearch.search again with out={str(path)!r} to go on"
    if name.startswith("("):
        whence = "cannot be imported by name; where it is defined"
        raise InputError(f"{path}: its objective {name} {whence}, {again}")
    try:
        return UserObjective(find_function("objective", name), device, threads)
    except InputError as error:
        raise InputError(f"{path}: {error}; {again}") from None


def _numbers(values: Mapping[Any, Any], where: str) -> dict[str, float]:
    """Plain numbers; other values than the accuracy are left out where they are none.

    Raises:
        ResultError: The accuracy is no percentage. One that is missing or NaN is left to the search.
    """
    numbers = {str(key): _number(value) for key, value in values.items()}
    if "accuracy" in numbers:
        _check_accuracy(numbers["accuracy"], values["accuracy"], where)
    return {key: value for key, value in numbers.items() if value is not None}


def _check_accuracy(accuracy: float | None, given: object, where: str) -> None:
    if accuracy is None:
        text = " ".join(repr(given).split())[:80]
        raise ResultError(f"{where}: accuracy is {text}, of type {type(given).__name__}; a number is needed")
    if accuracy < 0 or accuracy > 100:
        raise ResultError(f"{where}: accuracy is {accuracy:g}; percent, 0 to 100, is needed")


def _number(value: Any) -> float | None:
    """A Python, NumPy or PyTorch number as a Python one; None for anything else."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
