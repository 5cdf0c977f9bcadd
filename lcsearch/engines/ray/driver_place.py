"""Where the driver stands: workers stand there too, as far as their node has the same folders."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DriverPlace:
    """Where the driver stands and finds modules.

    Attributes:
        folder: Its working directory, for relative paths.
        search_path: Its ``sys.path``.
    """

    folder: str
    search_path: tuple[str, ...]

    @classmethod
    def here(cls) -> DriverPlace:
        """That of this process."""
        return cls(str(Path.cwd()), tuple(sys.path))

    def enter(self) -> None:
        """Stand where the driver does, as a local worker would."""
        if os.path.isdir(self.folder):  # noqa: PTH112
            os.chdir(self.folder)
        for place in (self.folder, *self.search_path):
            if place and place not in sys.path and os.path.exists(place):  # noqa: PTH110
                sys.path.append(place)
