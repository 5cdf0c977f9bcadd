"""The run directory: its files and its lock."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.files import write_text
from lcsearch.core.job import BACKBONE, CHECKPOINT, WEIGHTS
from lcsearch.core.metric import PLAIN_ACCURACY
from lcsearch.core.records import TrialRecord
from lcsearch.core.yaml import write_yaml
from lcsearch.runs.run_file import RunFile, read_run_file, write_run_file


class RunDirectory:
    """Names of the files in a run directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "run.yaml"
        self.study = path / "study.db"
        self.report = path / "report.html"
        self.best = path / "best.yaml"
        self.start = path / "start"
        self.images = path / "images.csv.gz"

    def trial(self, number: int) -> Path:
        """The folder of one trial."""
        return self.path / "trials" / str(number)

    def weights(self, number: int) -> Path:
        """The weights of one trial, of exactly the model whose accuracy is recorded."""
        return self.trial(number) / WEIGHTS

    def checkpoint(self, number: int) -> Path:
        """The checkpoint of one trial, while it runs."""
        return self.trial(number) / CHECKPOINT

    def close_trial(self, record: TrialRecord, unwanted: Iterable[int]) -> None:
        """Write what a trained trial was and did, and remove the files nobody needs any more.

        The study holds all of it, so the disk is not waited for; `tidy` writes again what a power cut took.

        Args:
            record: A trial that has its end.
            unwanted: Trials whose weights are no longer kept.
        """
        if record.duplicate_of is None:
            folder = self.trial(record.number)
            folder.mkdir(parents=True, exist_ok=True)
            write_yaml(folder / "spec.yaml", record.spec.to_plain(), durable=False)
            write_text(folder / "metrics.csv", _metrics_table(record), durable=False)
            self.checkpoint(record.number).unlink(missing_ok=True)
        self.drop_weights(unwanted)

    def drop_weights(self, unwanted: Iterable[int]) -> None:
        """Remove the weights of trials."""
        for number in unwanted:
            self.weights(number).unlink(missing_ok=True)

    def tidy(self, ended: Iterable[TrialRecord], keepers: Container[int]) -> None:
        """Catch up on what a killed process left undone after trials had ended.

        Args:
            ended: Trials that have their end.
            keepers: Trials whose weights are kept.
        """
        for record in ended:
            folder = self.trial(record.number)
            written = all(_holds_something(folder / name) for name in ("spec.yaml", "metrics.csv"))
            if record.state != "rejected" and not written:
                self.close_trial(record, ())
            if record.number not in keepers:
                self.weights(record.number).unlink(missing_ok=True)

    def has_trials(self) -> bool:
        """Whether a trial has left something."""
        return any(self.path.glob("trials/*/*"))

    def check(self) -> None:
        """Make sure that the run is still where it was.

        Raises:
            HaltError: Its run.yaml is gone, or cannot be reached.
        """
        try:
            self.settings.stat()
        except OSError as error:
            raise HaltError(f"{self.settings} is gone: {error.strerror}") from None

    @classmethod
    def create(cls, path: Path) -> RunDirectory:
        """Make a new, empty run directory; one whose making was cut short is taken.

        Raises:
            InputError: It exists already, its place is not writable, or its name is no text.
        """
        if not is_text(str(path)):
            raise InputError(f"{str(path)!r} is no UTF-8; choose another name", setting="out")
        if path.exists() and (not path.is_dir() or any(map(_is_content, path.iterdir()))):
            advice = f"'lcsearch resume {path}' goes on" if (path / "run.yaml").is_file() else "it is no run"
            raise InputError(f"{path} already exists ({advice}); choose another name", setting="out")
        try:
            (path / "trials").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{path} cannot be made: {error.strerror}", setting="out") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a run directory that exists.

        Raises:
            InputError: It is none.
        """
        directory = cls(path)
        if not path.is_dir():
            raise InputError(f"{path}: no such run directory; runs are made by 'lcsearch run'")
        if not directory.settings.is_file():
            raise InputError(f"{path}: is not a run directory: it holds no run.yaml")
        return directory

    def read(self) -> RunFile:
        """The content of run.yaml.

        Raises:
            InputError: It is damaged or from a newer version.
        """
        return read_run_file(self.settings)

    def write(self, content: RunFile) -> None:
        """Write run.yaml, whole or not at all.

        Raises:
            InputError: The place is not writable.
        """
        write_run_file(self.settings, content)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process alone; the system lets go of it when the process ends.

        Raises:
            InputError: Another process holds it, or it is not writable.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"{self.path}: is open in another lcsearch process; wait for it or end it"
            ) from None
        except OSError as error:
            raise InputError(f"{self.path}: is not writable: {error.strerror}") from None
        try:
            yield
        finally:
            lock.release()


def is_text(name: str) -> bool:
    """Whether a name can be written into files; on Linux any bytes may be one."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _is_content(entry: Path) -> bool:
    """Whether a file in a run directory is more than the first steps of making one."""
    if entry.name == "trials" and entry.is_dir():
        return any(entry.iterdir())
    if entry.name == "start" and entry.is_dir():
        return any(BACKBONE not in inner.name for inner in entry.iterdir())
    return not entry.name.startswith((".run.yaml.", ".images.csv.gz.", "images.csv.gz"))


def _metrics_table(record: TrialRecord) -> str:
    rows = [f"{e.epoch},{e.accuracy:.4f},{e.train_loss:.6f},{e.seconds:.3f}" for e in record.epochs]
    head, plain = "epoch,accuracy,train_loss,seconds", [e.plain_accuracy for e in record.epochs]
    if any(accuracy is not None for accuracy in plain):
        head += f",{PLAIN_ACCURACY}"
        rows = [row + ("," if p is None else f",{p:.4f}") for row, p in zip(rows, plain, strict=True)]
    return "\n".join([head, *rows, ""])
