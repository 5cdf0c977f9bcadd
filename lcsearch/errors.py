"""The one exception that means "the user's input is wrong"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The user's input is wrong.

    The message is one line that names the option or the path inside the file, the value, and
    what is allowed. The command line prints it as it is and exits with code 2.
    """


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
