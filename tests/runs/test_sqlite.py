"""A study in a file: wherever it lies, whoever holds it, and read without a trace."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import create_trial
from read_only import read_only

from lcsearch.core.errors import HaltError, InputError
from lcsearch.runs import database
from lcsearch.runs.database import recorded
from lcsearch.runs.sqlite import close, read_sqlite, sqlite_storage

ODD = [
    "a b", "what?mode=memory", "100%41", "#1", "{SCHEMA_VERSION}", "{}", "it's \"it\"", "a&b=c;d", "ö 梨",
    ":memory:", "file:x", "back\\slash", "new\nline", "~", os.fsdecode(b"\xff\xfe"),
]  # fmt: skip


def study(path: Path, trials: int = 2) -> RDBStorage:
    """A new study with trials, open to write."""
    storage = sqlite_storage(path)
    optuna.create_study(storage=storage, study_name="s")
    for value in range(trials):
        add(storage, value)
    return storage


def add(storage: RDBStorage, value: float) -> int:
    return storage.create_new_trial(storage.get_study_id_from_name("s"), create_trial(value=value))


def values(storage: RDBStorage) -> list[float | None]:
    return [trial.value for trial in optuna.load_study(study_name="s", storage=storage).trials]


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a folder: bytes and times."""
    files = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    return files | {".": (folder.stat().st_mtime_ns, b"")}


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_a_path_means_itself(name: str, tmp_path: Path) -> None:
    """Python's own module finds the trials at the path, and there is nothing beside it."""
    folder = tmp_path / name
    folder.mkdir()
    close(study(folder / "study.db"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in folder.iterdir()] == ["study.db"]
    with closing(sqlite3.connect(folder / "study.db")) as file:
        assert file.execute("SELECT COUNT(*) FROM trials").fetchone() == (2,)
    assert read_sqlite(folder / "study.db", values) == [0, 1]


def test_a_relative_path_is_one_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    close(study(Path("study.db")))
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]
    assert read_sqlite(Path("study.db"), values) == [0, 1]


def at_rest(folder: Path) -> None:
    close(study(folder / "study.db"))


def killed(folder: Path) -> None:
    """A writer was killed: what it wrote last lies in the file's log."""
    storage = study(folder / "other.db")
    for path in list(folder.iterdir()):
        shutil.copy(path, folder / path.name.replace("other", "study"))
    close(storage)
    (folder / "other.db").unlink()
    assert {path.name for path in folder.iterdir()} == {"study.db", "study.db-wal", "study.db-shm"}


def copied(folder: Path) -> None:
    """As `killed`, but SQLite's index of the log was not copied along."""
    killed(folder)
    (folder / "study.db-shm").unlink()


def cut_in_the_making(folder: Path) -> None:
    """Killed while its tables were made: a journal says how the file was before."""
    at_rest(folder)
    program = (
        "import os, sqlite3, sys; file = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "[file.execute(line) for line in ('PRAGMA journal_mode=DELETE', 'PRAGMA cache_size=1', "
        "'PRAGMA cache_spill=1', 'BEGIN', 'UPDATE trial_values SET value = 77', "
        "'CREATE TABLE big AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 9000) "
        "SELECT x, randomblob(300) FROM n')]; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(folder / "study.db")], check=True)
    assert (folder / "study.db-journal").stat().st_size > 0


@pytest.mark.parametrize("left", [at_rest, killed, copied, cut_in_the_making])
def test_reading_leaves_no_trace(left, tmp_path: Path) -> None:
    left(tmp_path)
    before = state(tmp_path)
    assert read_sqlite(tmp_path / "study.db", values) == [0, 1]
    assert state(tmp_path) == before


@pytest.mark.parametrize("left", [at_rest, killed, copied, cut_in_the_making])
def test_it_is_read_where_nobody_can_write(left, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    left(folder)
    before = state(folder)
    with read_only(folder):
        with pytest.raises(OSError, match="Read-only"):
            (folder / "x").touch()
        assert read_sqlite(folder / "study.db", values) == [0, 1]
    assert state(folder) == before


def test_no_connection_that_reads_may_write(tmp_path: Path, connections: list[str]) -> None:
    for left, how in ((at_rest, "immutable=1"), (killed, "readonly_shm=1")):
        folder = tmp_path / left.__name__
        folder.mkdir()
        left(folder)
        connections.clear()
        assert read_sqlite(folder / "study.db", values) == [0, 1]
        assert connections and all("mode=ro" in address and how in address for address in connections)


def test_a_run_that_goes_on_is_read_as_it_is_now(tmp_path: Path) -> None:
    storage = study(tmp_path / "study.db")
    assert read_sqlite(tmp_path / "study.db", values) == [0, 1]
    add(storage, 2)
    assert read_sqlite(tmp_path / "study.db", values) == [0, 1, 2]
    close(storage)


def test_a_writer_that_comes_meanwhile_is_seen(tmp_path: Path) -> None:
    """What was read without looking for a writer does not count if there is one afterwards."""
    at_rest(tmp_path)
    opened: list[RDBStorage] = []

    def slowly(storage: RDBStorage) -> list[float | None]:
        if not opened:
            opened.append(sqlite_storage(tmp_path / "study.db"))
            add(opened[0], 2)
        return values(storage)

    assert read_sqlite(tmp_path / "study.db", slowly) == [0, 1, 2]
    close(opened[0])


@pytest.fixture
def connections() -> Iterator[list[str]]:
    """What SQLite is asked to open, as Python's audit events tell it."""
    seen: list[str] = []
    watching = [True]

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "sqlite3.connect" and watching:
            seen.append(str(arguments[0]))

    sys.addaudithook(hear)
    yield seen
    watching.clear()


@contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """Another program's lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


@pytest.mark.slow
def test_a_held_study_is_waited_for_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = study(tmp_path / "study.db")
    free = threading.Event()

    def hold() -> None:
        with held(tmp_path / "study.db"):
            taken.set()
            free.wait(60)

    taken = threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    taken.wait(60)
    tries: list[int] = []

    def write() -> None:
        tries.append(1)
        if len(tries) == 3:
            free.set()
            other.join()
        storage.set_study_user_attr(1, "key", len(tries))

    recorded(write)
    assert storage.get_study_user_attrs(1) == {"key": 3}
    said = [record.getMessage() for record in caplog.records if record.name.startswith("lcsearch")]
    assert said == ["another program holds the study; waiting for up to 60 s"]
    close(storage)


@pytest.mark.slow
def test_a_study_that_stays_held_halts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0)
    storage = study(tmp_path / "study.db")
    with held(tmp_path / "study.db"):
        assert read_sqlite(tmp_path / "study.db", values) == [0, 1]
        with pytest.raises(HaltError, match=r"^another program holds the study, still after 0 s$"):
            recorded(lambda: storage.set_study_user_attr(1, "key", 1))
        assert values(storage) == [0, 1]
        close(sqlite_storage(tmp_path / "study.db"))
    recorded(lambda: storage.set_study_user_attr(1, "key", 1))
    close(storage)


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").rename(path)


@pytest.mark.parametrize(
    ("happens", "words"),
    [(Path.unlink, "the study is gone: No such file"), (replaced, "the study was replaced by another file")],
)
def test_a_study_that_is_not_there_any_more_halts(happens, words: str, tmp_path: Path) -> None:
    """SQLite itself goes on writing into the file that was removed."""
    storage = study(tmp_path / "study.db")
    happens(tmp_path / "study.db")
    with pytest.raises(HaltError, match=f"^{words}"):
        recorded(lambda: storage.set_study_user_attr(1, "key", 1))
    close(storage)


def test_other_files_are_no_studies(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(b"text" * 1000)
    with pytest.raises(InputError, match=r"study\.db: is damaged or no Optuna study: file is not a database"):
        read_sqlite(path, values)
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(InputError, match=r"study\.db: is damaged or no Optuna study: no such table"):
        read_sqlite(path, values)
    path.unlink()
    path.mkdir()
    with pytest.raises(HaltError, match=r"study\.db: cannot be written: unable to open database file"):
        sqlite_storage(path)
