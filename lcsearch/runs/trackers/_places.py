"""Whether a tracker can write where it is asked to, before a run is made."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from lcsearch.core.errors import InputError

_SECONDS = 5


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, which is made if need be.

    Raises:
        InputError: They cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: not writable: {error.strerror}", setting="track") from None


def check_answers(tracker: str, address: str, otherwise: str) -> None:
    """Make sure that a server answers, whatever it says.

    Args:
        tracker: The tracker's name.
        address: Its ``http`` or ``https`` address.
        otherwise: How to go on without it, for the message.

    Raises:
        InputError: It does not answer within some seconds.
    """
    try:
        urlopen(address, timeout=_SECONDS).close()
    except HTTPError:
        return  # it does answer
    except (OSError, ValueError) as error:
        why = error.reason if isinstance(error, URLError) else error
        problem = f"{tracker}: {address} cannot be reached: {why}; {otherwise}"
        raise InputError(problem, setting="track") from None
