"""What lies in a folder of images and is not taken, to be said in one line."""

from __future__ import annotations

import os
from pathlib import Path

_WORDS = {
    "hidden": ("hidden file or folder", "hidden files or folders"),
    "loose": ("image beside the class folders", "images beside the class folders"),
    "folder": ("folder beside the parts", "folders beside the parts"),
    "other": ("file that is no image by its name", "files that are no images by their names"),
}


def shown(path: str | os.PathLike[str]) -> str:
    """A path as a message shows it, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_text(path: str | os.PathLike[str]) -> bool:
    """Whether a path is UTF-8, so that it can be written to files."""
    return os.fsencode(path) == os.fspath(path).encode("utf-8", "replace")


class LeftOut:
    """Paths by the reason why they are not taken.

    Args:
        folder: The folder that they are in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, list[str]] = {kind: [] for kind in _WORDS}

    def add(self, kind: str, path: str) -> None:
        """Note a path: ``hidden``, ``loose``, ``folder`` or ``other``."""
        self._paths[kind].append(os.path.relpath(path, self._folder))

    def lines(self, below: str = "") -> tuple[str, ...]:
        """How many of each kind and the first one, in one line; no line where nothing is left out.

        Args:
            below: Speak only of what lies in this folder inside; empty for all.
        """
        parts = []
        for kind, (one, many) in _WORDS.items():
            paths = [path for path in self._paths[kind] if not below or path.startswith(below + os.sep)]
            if paths:
                words = one if len(paths) == 1 else many
                parts.append(f"{len(paths):,} {words}, such as {shown(paths[0])}")
        return (f"left out of {shown(self._folder.absolute().name)}/: {'; '.join(parts)}",) if parts else ()
