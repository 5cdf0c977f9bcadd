"""Where data sets are looked for, and what comes of a download: on a data set of one file."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lcsearch.core.errors import InputError
from lcsearch.data.dataset import DataSet, Part, Raw
from lcsearch.data.places import cache_dir, find, locate, usual_places


@dataclass(frozen=True, kw_only=True, eq=False)
class OneFile(DataSet):
    """A data set that is there where its file is."""

    name: str = "one"
    summary: str = "made"
    num_classes: int = 2
    in_channels: int = 1
    image_size: int = 8
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)
    flip: bool = False

    def places(self, data_dir: Path | None) -> list[Path]:
        return usual_places(self.name, data_dir)

    def find(self, place: Path) -> Path | None:
        return place if (place / "images").exists() else None

    def read(self, folder: Path, part: Part) -> Raw:
        raise AssertionError("nothing is read here")


@dataclass(frozen=True, kw_only=True, eq=False)
class Downloaded(OneFile):
    how: Callable[[Path], None] = field(default=lambda folder: (folder / "images").touch())

    def download(self, folder: Path) -> None:
        self.how(folder)


def test_the_users_folder_comes_first_and_the_cache_last(tmp_path: Path, cache: Path) -> None:
    own, system = tmp_path / "own", tmp_path / "system"
    assert usual_places("x", own, system) == [own, own / "x", system, cache / "x"]
    assert usual_places("x", None) == [cache / "x"]


def test_the_first_folder_that_holds_it_is_taken(tmp_path: Path, cache: Path) -> None:
    assert find(OneFile(), tmp_path) is None
    for folder in (cache / "one", tmp_path / "one", tmp_path):
        folder.mkdir(exist_ok=True)
        (folder / "images").touch()
        assert find(OneFile(), tmp_path) == folder
    assert find(OneFile(), None) == cache / "one"


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: OneFile, place: Path) -> Path | None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(OneFile, "find", denied)
    with pytest.raises(InputError, match=rf"^{tmp_path}: cannot be read \(Permission denied\)$"):
        find(OneFile(), tmp_path)


def test_what_is_nowhere_and_not_downloaded_says_where_it_was_looked_for(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(InputError) as caught:
        locate(OneFile(), tmp_path)
    tried = f"{tmp_path}, {tmp_path / 'one'}, {cache / 'one'}"
    assert str(caught.value) == f"dataset='one': not found in {tried}; put its files into data_dir"


def test_a_download_is_kept_and_not_repeated(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(folder: Path) -> None:
        print("chatter of the downloader")
        (folder / "images").touch()

    def never(folder: Path) -> None:
        raise AssertionError("downloaded again")

    assert locate(Downloaded(how=chatty), None) == cache / "one"
    assert [entry.name for entry in cache.iterdir()] == ["one"]
    said = capsys.readouterr()
    assert said.out == "" and said.err == f"downloading one to {cache}\nchatter of the downloader\n"
    assert locate(Downloaded(how=never), None) == cache / "one"


def test_a_download_that_is_cut_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    def cut(folder: Path) -> None:
        (folder / "images").touch()
        raise RuntimeError("connection\nlost")

    with pytest.raises(InputError) as caught:
        locate(Downloaded(how=cut), tmp_path)
    tried = f"{tmp_path}, {tmp_path / 'one'}, {cache / 'one'}"
    assert str(caught.value) == (
        f"dataset='one': not found in {tried}, and the download failed (connection lost); "
        "put its files into data_dir, or use dataset='digits', which needs no download"
    )
    assert list(cache.iterdir()) == []


def test_a_download_without_the_files_is_said(cache: Path) -> None:
    with pytest.raises(InputError, match=r"^dataset='one': the download left no usable files; put"):
        locate(Downloaded(how=lambda folder: None), None)


def test_a_download_takes_the_place_of_an_incomplete_one(cache: Path) -> None:
    (cache / "one").mkdir()
    (cache / "one" / "half").touch()
    assert locate(Downloaded(), None) == cache / "one"
    assert [entry.name for entry in (cache / "one").iterdir()] == ["images"]


def test_a_silent_server_is_given_up(cache: Path) -> None:
    waited: list[float | None] = []
    before = socket.getdefaulttimeout()
    with pytest.raises(InputError):
        locate(Downloaded(how=lambda folder: waited.append(socket.getdefaulttimeout())), None, timeout=7)
    assert waited == [7] and socket.getdefaulttimeout() == before


def test_the_cache_follows_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_dir() == tmp_path / "own"
    monkeypatch.delenv("LCSEARCH_CACHE")
    assert cache_dir() == tmp_path / "shared" / "lcsearch"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "lcsearch"
