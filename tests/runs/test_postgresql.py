"""Studies on a real PostgreSQL server, started for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulated_search import session

from lcsearch.cli.main import call
from lcsearch.core.errors import InputError
from lcsearch.core.records import TrialRecord
from lcsearch.runs.read import read_run
from lcsearch.runs.storage import check_storage
from lcsearch.search.observer import Observer

pytestmark = pytest.mark.slow


def _binaries() -> Path | None:
    """Debian keeps PostgreSQL's server programs out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    place = shutil.which("initdb")
    return Path(place).parent if place is not None else None


class Server:
    """A PostgreSQL server of its own, on a socket in a folder of its own and nowhere else."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        self._account: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres")
            self._account = ["runuser", "-u", "postgres", "--"]

    def make(self) -> None:
        self._call("initdb", "-A", "trust", "-U", "lcsearch", "-E", "UTF8", "--no-locale", "--no-sync")
        rules = "local all guarded scram-sha-256\nlocal all all trust\n"
        (self._folder / "data" / "pg_hba.conf").write_text(rules)
        self.start()
        self._call("createdb", "studies", data=False)
        self._call("psql", "-qc", "CREATE ROLE guarded LOGIN PASSWORD 'right'", "studies", data=False)

    def start(self) -> None:
        options = f"-k {self._folder} -h '' -c fsync=off"
        self._call("pg_ctl", "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self, user: str = "lcsearch", database: str = "studies") -> str:
        return f"postgresql://{user}@/{database}?host={self._folder}"

    def _call(self, program: str, *arguments: str, data: bool = True) -> None:
        place = ["-D", str(self._folder / "data")] if data else ["-h", str(self._folder), "-U", "lcsearch"]
        command = [*self._account, str(self._binaries / program), *place, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with an empty database ``studies``; user ``guarded`` needs the password ``right``."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian's package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="lcspg", dir="/tmp"))  # a short name: it holds a socket
    made = Server(folder, binaries)
    try:
        made.make()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def search(path: Path, storage: str | None, trials: int) -> tuple[TrialRecord, ...]:
    with session(path, storage=storage, trials=trials) as opened:
        assert opened.run() is None
    return read_run(path).trials


def facts(trials: tuple[TrialRecord, ...]) -> list[tuple[object, ...]]:
    return [
        (t.number, t.state, t.spec, t.accuracy, [e.accuracy for e in t.epochs], t.decisions) for t in trials
    ]


def test_a_search_on_a_server_equals_one_in_a_file_and_goes_on(server: Server, tmp_path: Path) -> None:
    there = search(tmp_path / "there", server.url(), 10)
    assert facts(there) == facts(search(tmp_path / "here", None, 10))
    assert not (tmp_path / "there" / "study.db").exists()
    longer = search(tmp_path / "there", server.url(), 14)
    assert facts(longer[: len(there)]) == facts(there)
    assert len(longer) >= 14


def test_a_server_that_goes_away_halts_the_run_which_then_goes_on(server: Server, tmp_path: Path) -> None:
    class Away(Observer):
        def epoch(self, record: TrialRecord) -> None:
            if record.number == 3 and len(record.epochs) == 2:
                server.stop()

    path = tmp_path / "run"
    try:
        with session(path, storage=server.url(), trials=8) as opened:
            opened.watch(Away())
            problem = opened.run()
    finally:
        server.start()
    assert problem is not None and problem.startswith(f"{path}: the study cannot be written: ")
    assert "\n" not in problem
    before = read_run(path).trials
    assert before[-1].state == "running"
    assert facts(search(path, server.url(), 8)) == facts(search(tmp_path / "whole", None, 8))


@pytest.mark.parametrize(
    ("user", "database", "reason"),
    [
        ("guarded:wrong", "studies", 'password authentication failed for user "guarded"'),
        ("guarded:right", "studies", "permission denied for"),
        ("lcsearch:wrong", "nowhere", 'database "nowhere" does not exist'),
    ],
)
def test_a_server_that_refuses(server: Server, user: str, database: str, reason: str) -> None:
    said = refused(server.url(user, database))
    name, _, password = user.partition(":")
    assert said.startswith(f"storage: postgresql+psycopg://{name}:***@/{database}?host=")
    assert reason in said
    assert password not in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "postgresql://me:secret@127.0.0.1:1/studies",
            ["//me:***@127.0.0.1:1/studies", "Connection refused"],
        ),
        ("postgresql://me@127.0.0.1:1/studies?password=secret", ["?password=*** cannot be used"]),
        (
            "postgres5://me:secret@host/studies",
            ["'postgres5://***@host/studies'", "is no address", "postgresql://"],
        ),
        ("postgresql://me:sec@ret@host:port/studies", ["//***@host:port/studies'", "is no address"]),
        ("secret.db", ["is no address of a database; DRIVER://USER@HOST/DATABASE is needed"]),
        ("mysql+nodriver://me:secret@host/studies", ["is no address"]),
        (
            "postgresql+asyncpg://me:secret@host/studies",
            ["needs the package asyncpg, which is not installed"],
        ),
    ],
)
def test_addresses_that_lead_nowhere(url: str, words: list[str]) -> None:
    said = refused(url)
    assert said.startswith("storage: ")
    assert [word for word in words if word not in said] == []
    assert "secret@" not in said and "=secret" not in said and ":secret" not in said and "sec@ret" not in said


def test_the_driver_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert refused("postgresql+psycopg://me:secret@host/studies") == (
        "storage: postgresql+psycopg://me:***@host/studies needs the package psycopg, "
        "which is not installed: pip install 'lcsearch[postgresql]'"
    )


def test_nothing_is_made_where_the_server_is_not_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    url = "postgresql://me:secret@127.0.0.1:1/studies"
    code = call(["run", "--backbone", "base", "--dataset", "digits", "--storage", url, "--out", str(out)])
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith(
        "lcsearch: error: --storage: postgresql+psycopg://me:***@127.0.0.1:1/studies cannot "
    )
    assert said.count("\n") == 1
    assert not out.exists()


def refused(url: str) -> str:
    """The one line that says why."""
    with pytest.raises(InputError) as raised:
        check_storage(url)
    assert "\n" not in str(raised.value)
    return str(raised.value)
