"""Runs whose files are gone, damaged or held by others: one line, an exit code, and nothing is altered."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
from inline_engine import installed_inline
from PIL import Image

from lcsearch.cli.main import call
from lcsearch.runs import database
from lcsearch.runs.read import read_run
from lcsearch.train import objective

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def in_this_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed_inline(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark pictures."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    draw = np.random.default_rng(5)
    for place, name in enumerate(("bright", "dark")):
        (folder / name).mkdir(parents=True)
        for number in range(60):
            pixels = draw.integers(0, 128, (8, 8)) + 127 * (1 - place)
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def original(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that trained its backbone and ended before it cut a model out of it."""
    path = tmp_path_factory.mktemp("runs") / "one"
    asked = ["--backbone", "tiny_net:tiny", "--dataset", f"folder:{photos}", "--image-size", "8"]
    more = ["--epochs", "1", "--init", "trained", "--distill", "0.5", "--trials", "1"]
    more += ["--jobs", "1", "--engine", "inline", "--early-stopping", "none"]
    assert call(["run", *asked, *more, "--out", str(path)]) == 0
    assert not (path / "start").exists()
    return path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "run"))


def state(run: Path) -> dict[Path, bytes]:
    files = (path for path in run.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in files}


def study_gone(run: Path, _: ExitStack) -> None:
    (run / "study.db").unlink()


def study_emptied(run: Path, _: ExitStack) -> None:
    (run / "study.db").write_bytes(b"")


def study_damaged(run: Path, _: ExitStack) -> None:
    (run / "study.db").write_bytes(b"SQLite format 3\0" + bytes(5000))


def study_of_others(run: Path, _: ExitStack) -> None:
    (run / "study.db").unlink()
    with closing(sqlite3.connect(run / "study.db")) as other:
        other.execute("CREATE TABLE bookmarks (address)")


def study_cut(run: Path, _: ExitStack) -> None:
    whole = (run / "study.db").read_bytes()
    (run / "study.db").write_bytes(whole[: len(whole) // 2])


def study_held(run: Path, stack: ExitStack) -> None:
    """As a database browser in exclusive mode does; readers are kept out, too."""
    other = sqlite3.connect(run / "study.db", isolation_level=None)
    stack.callback(other.close)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")


def weights_gone(run: Path, _: ExitStack) -> None:
    (run / "trials/0/weights.safetensors").unlink()


ODD = [
    (study_gone, "status", 2, ["study.db: is missing"]),
    (study_gone, "report", 2, ["study.db: is missing"]),
    (study_gone, "resume", 2, ["study.db: is missing, though trials have run"]),
    (study_gone, "retrain", 2, ["study.db: is missing"]),
    (study_emptied, "status", 2, ["study.db: is missing"]),
    (study_emptied, "resume", 2, ["study.db: is missing, though trials have run"]),
    (study_damaged, "status", 2, ["study.db: is damaged or no Optuna study"]),
    (study_damaged, "resume", 2, ["study.db: is damaged or no Optuna study"]),
    (study_cut, "status", 2, ["study.db: is damaged or no Optuna study"]),
    (study_of_others, "status", 2, ["study.db: is damaged or no Optuna study", "no such table"]),
    (study_held, "resume", 1, ["study.db: another program holds the study, still after 0 s"]),
    (weights_gone, "retrain", 2, ["--init compressed", "trial 0: its weights are gone", "--init scratch"]),
]


@pytest.mark.parametrize(
    ("becomes", "command", "code", "expected"), ODD, ids=[f"{c} {b.__name__}" for b, c, _, _ in ODD]
)
def test_an_odd_run_is_one_clear_line_and_stays_as_it_is(
    becomes: Callable[[Path, ExitStack], None],
    command: str,
    code: int,
    expected: list[str],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0)
    with ExitStack() as stack:
        becomes(run, stack)
        before = state(run)
        capfd.readouterr()
        assert call([command, str(run)]) == code
        said = capfd.readouterr().err.replace("another program holds the study; waiting for up to 0 s\n", "")
        assert len(said.splitlines()) == 1, said
        assert said.startswith("lcsearch: error: ") and all(part in said for part in expected), said
        assert state(run) == before


def assert_stops_and_goes_on(run: Path, names: str, mend: Callable[[], object], said: str) -> None:
    """What a resume said, and what the next one comes to."""
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert last.startswith("lcsearch: error: ") and names in last, said
    assert [trial.state for trial in read_run(run).trials if trial.state == "failed"] == []
    mend()
    assert call(["resume", str(run), "--trials", "3"]) == 0
    assert [trial.state for trial in read_run(run).trials] == ["complete"] * 3


def test_images_that_are_gone_cost_no_trial(
    run: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(objective, "_loaded", {})
    away = photos.rename(photos.with_name("away"))
    try:
        assert call(["resume", str(run), "--trials", "3"]) in (1, 2)
    except BaseException:
        away.rename(photos)
        raise
    assert_stops_and_goes_on(run, str(photos), lambda: away.rename(photos), capfd.readouterr().err)


def test_weights_that_are_gone_cost_no_trial(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    weights, other = run / "trials/0/weights.safetensors", run / "other.safetensors"
    weights.rename(other)
    assert call(["resume", str(run), "--trials", "3"]) == 1
    assert_stops_and_goes_on(
        run, f"{weights}: is missing", lambda: other.rename(weights), capfd.readouterr().err
    )


def test_a_run_that_ended_early_is_retrained(run: Path) -> None:
    assert call(["retrain", str(run), "--epochs", "1", "--seeds", "1"]) == 0
    assert [record.init for record in read_run(run).retrained] == ["compressed"]
