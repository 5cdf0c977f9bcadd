"""Temporary folders that do not stay behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lcsearch.engines.ray.temporary import temporary_folder

KEEPS_ONE = """
import tempfile, time
from lcsearch.engines.ray.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "session").mkdir()
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's place for temporary files, for this process and those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_temporary_folder_of_a_killed_process_is_removed_by_the_next(place: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", KEEPS_ONE], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    theirs = Path(other.stdout.readline().strip())
    (place / "lcs-of-somebody-else").mkdir()
    with temporary_folder() as ours:
        assert (theirs / "session").is_dir()
        assert ours.is_dir() and ours.parent == place
    assert not ours.exists()
    other.kill()
    other.communicate()
    assert (theirs / "session").is_dir()
    with temporary_folder():
        assert not theirs.exists()
    assert [path.name for path in place.iterdir()] == ["lcs-of-somebody-else"]


def test_a_path_too_long_for_a_socket_is_not_taken(place: Path) -> None:
    with temporary_folder(30) as folder:
        assert folder.parent == Path("/tmp")
    with temporary_folder(3000) as folder:
        assert folder.parent == place
