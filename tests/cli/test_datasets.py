from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugin_files import installed

from lcsearch.cli.main import call


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "cache"))


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["datasets", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in out["datasets"]}
    assert set(rows) == {"cifar10", "cifar100", "digits", "fashion-mnist", "mnist", "svhn"}
    published = {
        "cifar10": (50_000, 10_000, 10, 3),
        "cifar100": (50_000, 10_000, 100, 3),
        "fashion-mnist": (60_000, 10_000, 10, 1),
        "mnist": (60_000, 10_000, 10, 1),
        "svhn": (73_257, 26_032, 10, 3),
    }
    for name, facts in published.items():
        row = rows[name]
        got = (row["train_images"], row["test_images"], row["num_classes"], row["in_channels"])
        assert got == facts
    assert rows["cifar10"]["found"] is None and Path(rows["digits"]["found"]).is_dir()
    assert set(out["others"]) == {
        "torchvision:NAME",
        "hf:NAME[,CONFIG]",
        "folder:PATH",
        "package.module:function",
    }


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["datasets"]) == 0
    out = capsys.readouterr().out
    cifar = next(line for line in out.splitlines() if line.startswith("cifar100"))
    assert cifar.split()[1:5] == ["50,000", "10,000", "100", "3"] and "downloaded when needed" in cifar
    assert "folder:PATH" in out and "package.module:function" in out


GIVEN = """
from lcsearch.data import DataSet

class Given(DataSet):
    def read(self, folder, part):
        raise AssertionError("nothing is read for a list")

GIVEN = Given(
    summary="given", num_classes=2, in_channels=1, image_size=8, mean=(0.5,), std=(0.5,), flip=False
)
"""


def test_other_peoples_are_listed_also_where_one_does_not_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = {"lcsearch.data_sets": {"given": "given:GIVEN", "broken": "given:NO_SUCH"}}
    with installed(tmp_path, "given", "2.0", entries, {"given": GIVEN}):
        assert call(["datasets"]) == 0
        lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
        assert call(["datasets", "--json"]) == 0
    assert lines["given"].split() == ["given", "?", "?", "2", "1", "needs", "no", "files"]
    assert lines["broken"].split()[:5] == ["broken", "?", "?", "?", "?"] and "digits" in lines
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert "'broken' (given 2.0) does not load" in rows["broken"]["problem"]
    assert (rows["given"]["summary"], rows["given"]["train_images"]) == ("given", None)


def test_an_incomplete_set_is_shown_not_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train_32x32.mat").touch()
    assert call(["datasets", "--json", "--data-dir", str(tmp_path)]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert "test_32x32.mat: missing" in rows["svhn"]["problem"]


def test_a_data_dir_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["datasets", "--data-dir", str(tmp_path / "none")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err == f"lcsearch: error: --data-dir {tmp_path / 'none'}: no such folder\n"
