"""Studies on a real PostgreSQL server, started for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from inline import session

from lcsearch.errors import InputError
from lcsearch.reading import read_run
from lcsearch.records import TrialRecord


def _binaries() -> Path | None:
    """Debian keeps PostgreSQL's server programs out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    place = shutil.which("initdb")
    return Path(place).parent if place is not None else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty database; the server listens on a socket in a folder of its own."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="lcspg", dir="/tmp"))
    account: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        account = ["runuser", "-u", "postgres", "--"]

    def call(program: str, *arguments: str) -> None:
        command = [*account, str(binaries / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    data = str(folder / "data")
    call("initdb", "-D", data, "-A", "trust", "-U", "lcsearch")
    call(
        "pg_ctl",
        "-D",
        data,
        "-l",
        str(folder / "log"),
        "-w",
        "-o",
        f"-k {folder} -h '' -c fsync=off",
        "start",
    )
    try:
        call("createdb", "-h", str(folder), "-U", "lcsearch", "studies")
        yield f"postgresql+psycopg://lcsearch@/studies?host={folder}"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def search(path: Path, storage: str | None, trials: int) -> tuple[TrialRecord, ...]:
    with session(path, storage=storage, trials=trials) as opened:
        assert opened.run() is None
    return read_run(path).trials


def facts(trials: tuple[TrialRecord, ...]) -> list[tuple[object, ...]]:
    return [
        (t.number, t.state, t.spec, t.accuracy, [e.accuracy for e in t.epochs], t.decisions) for t in trials
    ]


def test_a_search_on_a_server_equals_one_in_a_file_and_goes_on(server: str, tmp_path: Path) -> None:
    there = search(tmp_path / "there", server, 10)
    assert facts(there) == facts(search(tmp_path / "here", None, 10))
    assert not (tmp_path / "there" / "study.db").exists()
    longer = search(tmp_path / "there", server, 14)
    assert facts(longer[: len(there)]) == facts(there)
    assert len(longer) >= 14


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql+psycopg://lcsearch:secret@/studies?host={tmp_path}"
    with pytest.raises(InputError, match=r"postgresql\+psycopg://lcsearch:\*\*\*@") as raised:
        search(tmp_path / "run", url, 1)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
