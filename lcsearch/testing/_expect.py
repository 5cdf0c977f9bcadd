"""What every contract suite says its complaints with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def expect(holds: bool, message: str) -> None:
    """Complain unless something holds; ``python -O`` does not take it away.

    Raises:
        AssertionError: It does not hold.
    """
    if not holds:
        raise AssertionError(message)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what was being done when something raised.

    Args:
        what: Such as "building it on the meta device".

    Raises:
        AssertionError: The block raised anything but a complaint.
    """
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
