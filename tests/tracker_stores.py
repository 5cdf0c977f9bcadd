"""Where trackers that keep their files somewhere in one's home keep them in tests."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

if "TRACKIO_DIR" not in os.environ:  # Trackio reads it when it is imported
    os.environ["TRACKIO_DIR"] = tempfile.mkdtemp(prefix="lcsearch-trackio-")
    atexit.register(shutil.rmtree, os.environ["TRACKIO_DIR"], ignore_errors=True)


@contextmanager
def offline_wandb(folder: Path) -> Iterator[None]:
    """Weights & Biases without its server, and with all of its files in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        for name in ("DATA", "CACHE", "CONFIG"):
            patch.setenv(f"WANDB_{name}_DIR", str(folder / name.lower()))
        yield


def artifacts(project: str) -> set[str]:
    """The texts of all files that Trackio keeps of a project."""
    blobs = Path(os.environ["TRACKIO_DIR"]) / "artifacts" / project / "blobs"
    return {path.read_text() for path in blobs.rglob("*") if path.is_file()}
