"""Files are there whole or not at all: whatever ends the writing, and whenever."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.files import copy_file, replacing, write_bytes, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=[0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "größer\n")
    write_bytes(tmp_path / "b", b"\x00\r\n\xff")
    assert (tmp_path / "a").read_bytes() == b"gr\xc3\xb6\xc3\x9fer\n"
    assert (tmp_path / "b").read_bytes() == b"\x00\r\n\xff"
    assert names(tmp_path) == ["a", "b"]


def test_it_may_be_read_by_whom_any_new_file_may(tmp_path: Path, umask: int) -> None:
    (tmp_path / "new").touch()
    write_text(tmp_path / "a", "x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "new").stat().st_mode
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_old_file_is_there_until_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with replacing(path) as part:
        assert part.parent == tmp_path and part.read_bytes() == b""
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", ["old", None])
def test_an_error_in_the_block_changes_nothing(
    tmp_path: Path, error: type[BaseException], old: str | None
) -> None:
    path = tmp_path / "a"
    if old is not None:
        path.write_text(old)
    before = names(tmp_path)
    with pytest.raises(error), replacing(path) as part:
        part.write_text("half")
        raise error
    assert names(tmp_path) == before and (old is None or path.read_text() == old)


KILLED = """
import sys, time
from pathlib import Path
from lcsearch.core.files import replacing
with replacing(Path(sys.argv[1])) as part:
    with part.open("w") as file:
        file.write("half")
        file.flush()
        print("written", flush=True)
        time.sleep(60)
"""


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_text() == "old"
    left = [name for name in names(tmp_path) if name != "a"]
    assert len(left) == 1 and left[0].startswith(".a.") and left[0].endswith(".part")
    write_text(path, "new")
    assert path.read_text() == "new" and names(tmp_path) == sorted([*left, "a"])


FULL = """
import resource, signal, sys
from pathlib import Path
from lcsearch.core.files import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(Path(sys.argv[1]), b"x" * 1001)
except OSError as error:
    print(error.errno)
"""


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.EFBIG}\n"
    assert path.read_text() == "old" and names(tmp_path) == ["a"]


def test_the_disk_has_all_of_it_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "a", []
    path.write_text("old")

    def spy(handle: int) -> None:
        synced.append((os.fstat(handle).st_ino, os.fstat(handle).st_size, path.read_text()))

    monkeypatch.setattr(os, "fsync", spy)
    write_text(path, "newer")
    assert synced == [(path.stat().st_ino, 5, "old")]
    write_text(path, "not waited for", durable=False)
    assert len(synced) == 1 and path.read_text() == "not waited for"
    copy_file(path, tmp_path / "b")
    assert synced[1:] == [((tmp_path / "b").stat().st_ino, 14, "not waited for")]


def test_two_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first" and names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [("folder", "it is a folder"), ("none/a", "No such file or directory"), ("file/a", "Not a directory")],
)
@pytest.mark.parametrize("write", [lambda path: write_text(path, "x"), lambda path: write_bytes(path, b"x")])
def test_an_unwritable_place_is_named(
    tmp_path: Path, write: Callable[[Path], None], place: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        write(tmp_path / place)
    assert str(caught.value) == f"{tmp_path / place}: not writable: {reason}"
    assert names(tmp_path) == ["file", "folder"] and names(tmp_path / "folder") == []


def test_an_unwritable_place_is_found_before_the_work_and_called_as_told(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=rf"^output: {tmp_path}: not writable: it is a folder$"),
        replacing(tmp_path, setting="output"),
    ):
        raise AssertionError("worked for nothing")


def test_a_full_disk_is_no_mistake_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a", "x")


def test_a_copy_is_whole_in_a_folder_made_for_it(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "deep" / "er" / "b"
    source.write_bytes(bytes(range(256)))
    copy_file(source, target)
    assert target.read_bytes() == source.read_bytes() and names(target.parent) == ["b"]


def test_a_copy_of_nothing_is_named_and_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")
    with pytest.raises(InputError, match=f"^{tmp_path / 'a'}: is missing$"):
        copy_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "old" and names(tmp_path) == ["b"]
