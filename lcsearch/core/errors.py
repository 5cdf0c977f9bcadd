"""What may end a command: wrong input, and what halts a run that can be gone on with."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LOST = (
    errno.EROFS, errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESTALE, errno.EHOSTDOWN,
    errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """A setting that a message speaks of; every reader sees it as they would write it.

    Attributes:
        setting: Its name as an argument in Python.
        value: The value that the message speaks of; None where it means the setting itself.
    """

    setting: str
    value: object = None

    def __str__(self) -> str:
        """As in Python: ``init='scratch'``."""
        return self.setting if self.value is None else f"{self.setting}={self.value!r}"


class InputError(ValueError):
    """The user's input is wrong.

    The message is one line that names the setting or the path inside the file, the value, and what is
    allowed. As text it writes settings as Python does; `said` writes them as others do. The command line
    writes options, and exits with code 2.

    Args:
        problem: What is wrong and what is allowed, in pieces; a `Named` wherever a setting is spoken of.
        setting: The setting that is wrong; None where the problem itself says what is.
        value: Its value, where the message begins with it.
    """

    def __init__(self, *problem: str | Named, setting: str | None = None, value: object = None) -> None:
        super().__init__(*problem)
        self.problem = problem
        self.about = None if setting is None else Named(setting, value)

    @property
    def parts(self) -> tuple[str | Named, ...]:
        """The whole message, to be said as the problem of another error."""
        return self.problem if self.about is None else (self.about, ": ", *self.problem)

    def said(self, write: Callable[[Named], str]) -> str:
        """The message with settings as ``write`` writes them."""
        return "".join(part if isinstance(part, str) else write(part) for part in self.parts)

    def __str__(self) -> str:
        return self.said(str)


@contextmanager
def said_of(setting: str, value: object = None) -> Iterator[None]:
    """Whatever is wrong inside is said of a setting, and of its value where one is given."""
    try:
        yield
    except InputError as error:
        raise InputError(*error.parts, setting=setting, value=value) from error.__cause__


class HaltError(RuntimeError):
    """Something around the run failed: a full disk, a lost server, workers that cannot start.

    The message is one line. What was recorded before is safe, and the run can be gone on with.
    """


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left to write."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_disk_lost(error: BaseException) -> bool:
    """Whether an error says that a disk or a mount is not there any more, or lets nobody write now."""
    return isinstance(error, OSError) and error.errno in _LOST


@contextmanager
def halting() -> Iterator[None]:
    """A fault of files inside is no fault of the trial that meets it: it halts the run.

    Raises:
        HaltError: Instead of an `InputError` or an `OSError`, and with what it says.
        OSError: A disk is full or lost; who runs the trial can say which.
    """
    try:
        yield
    except InputError as error:
        raise HaltError(str(error)) from error.__cause__
    except OSError as error:
        if is_disk_full(error) or is_disk_lost(error):
            raise
        raise HaltError(file_fault(error)) from None


def file_fault(error: OSError) -> str:
    """What an operating system says of a file, in one line with the file."""
    if is_disk_full(error):
        return "the disk is full"
    about = "" if error.filename is None else f"{error.filename}: "
    return f"{about}{' '.join((error.strerror or str(error)).split())}"


def one_line(error: BaseException) -> str:
    """An exception in one line of at most 300 characters, its kind first."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300].rstrip(": ")


def reason(error: BaseException) -> str:
    """What an exception says, in one line of at most 160 characters; its kind where it says nothing."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def without_settings(error: BaseException) -> str:
    """What an error says in one line, without the names of settings: nobody may have given them."""
    if isinstance(error, InputError):
        return error.said(lambda named: named.setting if named.value is None else str(named.value))
    return reason(error)


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """Return "did you mean 'vgg11'?" style advice, or the whole list where nothing is near.

    Args:
        value: What the user typed.
        choices: The valid names.
    """
    names = sorted(choices)
    near = difflib.get_close_matches(value, names, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "choose from " + ", ".join(names)


def no_such(word: str, value: str, choices: Iterable[str], forms: str = "") -> str:
    """The message for a name that nothing has, the same everywhere.

    Args:
        word: What was asked for, such as "backbone".
        value: What the user typed.
        choices: The names that there are.
        forms: What is understood beside names; empty where nothing is.

    Returns:
        "there is no backbone 'vgg12'; did you mean 'vgg11'?"
    """
    names = list(choices)
    message = f"there is no {word} {value!r}"
    if names:
        message += f"; {did_you_mean(value, names)}"
    return f"{message} ({forms} will do too)" if forms else message
