"""What may end a command: wrong input, and what halts a run that can be gone on with."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class InputError(ValueError):
    """The user's input is wrong.

    The message is one line that names the option or the path inside the file, the value, and
    what is allowed. The command line prints it as it is and exits with code 2.
    """


class HaltError(RuntimeError):
    """Something around the run failed: a full disk, a lost server, workers that cannot start.

    The message is one line. What was recorded before is safe, and the run can be gone on with.
    """


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left to write."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


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
