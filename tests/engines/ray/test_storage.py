"""Trial folders on shared storage, without Ray itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from read_only import read_only

from lcsearch.core.errors import HaltError, InputError
from lcsearch.engines.ray.storage import SharedStorage, open_storage


def test_storage_copies_what_changed_and_removes_what_went(tmp_path: Path) -> None:
    local, shared = tmp_path / "local", tmp_path / "shared"
    local.mkdir()
    storage, seen = SharedStorage(str(shared)), {}
    (local / "checkpoint.pt").write_text("one")
    (local / "deep").mkdir()
    (local / "deep" / "notes").write_text("kept")
    storage.push(local, "run/7", seen)
    (shared / "run/7/deep/notes").write_text("would be overwritten if it were copied again")
    (local / "checkpoint.pt").write_text("second")
    storage.push(local, "run/7", seen)
    assert (shared / "run/7/checkpoint.pt").read_text() == "second"
    assert (shared / "run/7/deep/notes").read_text() != "kept"
    (local / "checkpoint.pt").unlink()
    storage.push(local, "run/7", seen)
    assert [p.name for p in (shared / "run/7").rglob("*") if p.is_file()] == ["notes"]


@pytest.mark.parametrize("kind", ["folder", "fsspec"])
def test_storage_gives_back_what_it_took(tmp_path: Path, kind: str) -> None:
    storage = SharedStorage(str(tmp_path / "shared") if kind == "folder" else f"memory://{tmp_path.name}")
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "weights").write_bytes(b"\0\1\2")
    storage.push(tmp_path / "from", "run/1", {})
    storage.write_text("run/1/half.1234.part", "half a file")
    seen = storage.pull("run/1", tmp_path / "to")
    assert (tmp_path / "to" / "weights").read_bytes() == b"\0\1\2"
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == ["weights"]
    assert list(seen) == ["weights"]
    storage.remove("run/1")
    assert storage.pull("run/1", tmp_path / "empty") == {}


def test_storage_that_is_lost_halts(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "weights").write_text("x")
    storage = SharedStorage(str(tmp_path / "shared"))
    storage.push(tmp_path / "local", "run/1", {})
    with (
        read_only(tmp_path / "shared"),
        pytest.raises(HaltError, match=r"^the shared storage .*shared is lost: .*: Read-only file system$"),
    ):
        storage.push(tmp_path / "local", "run/1", {})


def test_storage_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"^storage_path: .*file/x is not writable: NotADirectoryError"):
        open_storage(str(tmp_path / "file" / "x"))
    with pytest.raises(InputError, match=r"^storage_path: what://ever "):
        open_storage("what://ever")
