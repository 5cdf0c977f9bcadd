"""Fashion-MNIST and its IDX files: where they are found, what is read, what is said of damaged ones."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torchvision.datasets import mnist as torchvision_mnist

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.sets import fashion_mnist

REAL = Path("/usr/share/datasets/fashion-mnist")
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for the folder of Debian's package; empty."""
    folder = tmp_path / "debian"
    monkeypatch.setattr(fashion_mnist, "DEBIAN", folder)
    return folder


@needs_real
def test_the_real_images_are_those_that_torchvision_reads(tmp_path: Path) -> None:
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(gzip.decompress((REAL / f"{name}.gz").read_bytes()))
    images = torchvision_mnist.read_image_file(str(tmp_path / "train-images-idx3-ubyte"))
    labels = torchvision_mnist.read_label_file(str(tmp_path / "train-labels-idx1-ubyte"))
    loaded = data.load("fashion-mnist", data_dir=REAL)
    assert loaded.train.images.shape == (55_000, 1, 32, 32) and loaded.train.images.dtype == torch.uint8
    assert loaded.train.labels.bincount().tolist() == [5_500] * 10
    assert loaded.validation.labels.bincount().tolist() == [500] * 10

    def rows(images: torch.Tensor, labels: torch.Tensor) -> Counter[tuple[bytes, int]]:
        return Counter((x.tobytes(), y) for x, y in zip(images.numpy(), labels.tolist(), strict=True))

    both = torch.cat([loaded.train.images, loaded.validation.images])
    got = rows(both[:, 0, 2:30, 2:30], torch.cat([loaded.train.labels, loaded.validation.labels]))
    assert got == rows(images, labels)
    assert int(both.sum(dtype=torch.int64)) == int(images.sum(dtype=torch.int64))
    # The published mean and deviation.
    assert loaded.info.mean[0] == pytest.approx(float(images.double().mean() / 255), abs=1e-4)
    assert loaded.info.std[0] == pytest.approx(float(images.double().std() / 255), abs=1e-4)


@needs_real
def test_loading_all_of_it_takes_little_memory() -> None:
    code = (
        "import resource, torch; from lcsearch import data; peak = lambda: "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024; before = peak(); "
        f"d = data.load('fashion-mnist', data_dir={str(REAL)!r}); g = torch.Generator(); "
        "[x for x, _ in data.Batches(d.train, d.info, 512, augment=True).epoch(g) if x.isnan().any()]; "
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The set is 61 MB decoded; a float copy of it would be 246 MB more.
    assert int(done.stdout) < 240


def test_search_order(tmp_path: Path, debian: Path, cache: Path, idx_files: ModuleType) -> None:
    def where(data_dir: Path | None = None) -> str | None:
        return data.describe("fashion-mnist", data_dir=data_dir).found

    own = tmp_path / "own"
    own.mkdir()
    assert where(own) is None
    cached = idx_files.write_set(cache / "fashion-mnist" / "FashionMNIST" / "raw", packed=False)
    assert where(own) == where() == str(cached)
    idx_files.write_set(debian)
    assert where(own) == where() == str(debian)
    nested = idx_files.write_set(own / "fashion-mnist")
    assert where(own) == str(nested) and where() == str(debian)
    idx_files.write_set(own)
    assert where(own) == str(own)


@pytest.mark.parametrize("packed", [True, False])
def test_small_files_load(tmp_path: Path, idx_files: ModuleType, packed: bool) -> None:
    folder = idx_files.write_set(tmp_path / "set", packed=packed)
    loaded = data.load("fashion-mnist", data_dir=folder)
    assert (len(loaded.train), len(loaded.validation)) == (48, 12)
    places = torch.cat([part.images[:, 0, 2, 3] for part in (loaded.train, loaded.validation)])
    assert places.sort().values.tolist() == list(range(60))
    # Padding moved pixel (0, 1), which holds the place in the file, to (2, 3); the label is that modulo 10.
    assert torch.equal(loaded.train.images[:, 0, 2, 3].long() % 10, loaded.train.labels)


def test_when_it_is_nowhere_one_line_says_what_was_tried(
    tmp_path: Path, debian: Path, cache: Path, no_network: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError) as caught:
        data.load("fashion-mnist", data_dir=tmp_path)
    said = str(caught.value)
    assert "\n" not in said
    for part in ("--data-dir", str(tmp_path), str(debian), str(cache), "no network in this test"):
        assert part in said
    assert "dataset-fashion-mnist" in said and "--dataset digits" in said
    assert capsys.readouterr().out == ""
    assert list(cache.iterdir()) == []


def test_a_download_is_kept_and_a_cut_one_is_not(
    debian: Path, cache: Path, idx_files: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(folder: Path) -> None:
        (folder / "FashionMNIST").mkdir()
        raise RuntimeError("connection lost")

    def whole(folder: Path) -> None:
        print("chatter of the downloader")
        idx_files.write_set(folder / "FashionMNIST" / "raw")

    def use(download: Callable[[Path], None]) -> None:
        from dataclasses import replace

        monkeypatch.setattr(fashion_mnist, "SOURCE", replace(fashion_mnist.SOURCE, download=download))

    use(cut)
    with pytest.raises(InputError, match="connection lost"):
        data.fetch("fashion-mnist")
    assert list(cache.iterdir()) == []
    use(whole)
    found = data.fetch("fashion-mnist")
    assert found == cache / "fashion-mnist" / "FashionMNIST" / "raw"
    assert [entry.name for entry in cache.iterdir()] == ["fashion-mnist"]
    use(cut)
    assert data.fetch("fashion-mnist") == found


def test_downloading_keeps_stdout_clean(
    debian: Path, idx_files: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatty(self: object, root: Path, **_: object) -> None:
        print("Failed to download (trying next):")
        idx_files.write_set(root / "FashionMNIST" / "raw")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.__init__", chatty)
    data.fetch("fashion-mnist")
    assert capsys.readouterr().out == ""


def rewrite(change: Callable[[bytes], bytes], name: str, *, packed: bool) -> Callable[[Path], Path]:
    """Damage one file of a set: its content if ``packed`` (then compressed again), its bytes otherwise."""

    def damage(folder: Path) -> Path:
        path = folder / f"{name}.gz"
        content = path.read_bytes()
        path.write_bytes(gzip.compress(change(gzip.decompress(content))) if packed else change(content))
        return path

    return damage


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
DAMAGE = {
    "gzip cut short": (rewrite(lambda b: b[: len(b) // 2], IMAGES, packed=False), "cut short"),
    "gzip cut by a byte": (rewrite(lambda b: b[:-1], IMAGES, packed=False), "cut short"),
    "empty file": (rewrite(lambda b: b"", LABELS, packed=False), "cut short"),
    "content cut short": (rewrite(lambda b: b[:-100], IMAGES, packed=True), "cut short"),
    "header cut short": (rewrite(lambda b: b[:6], IMAGES, packed=True), "cut short"),
    "too long": (rewrite(lambda b: b + b"x", LABELS, packed=True), "longer than its header says"),
    "no gzip": (rewrite(lambda b: b"<html>not found</html>", LABELS, packed=False), "not a gzip file"),
    "flipped bits": (
        rewrite(lambda b: b[:200] + bytes(255 - x for x in b[200:300]) + b[300:], IMAGES, packed=False),
        "damaged|not a gzip file|cut short",
    ),
    "checksum": (rewrite(lambda b: b[:-8] + b"abcd" + b[-4:], IMAGES, packed=False), "not a gzip file"),
    "wrong magic": (rewrite(lambda b: b"\0\0\0\1" + b[4:], IMAGES, packed=True), "magic number 1, not 2051"),
    "no images": (rewrite(lambda b: b[:4] + b"\0\0\0\0" + b[8:16], IMAGES, packed=True), "0 items"),
    "negative count": (rewrite(lambda b: b[:4] + b"\xff" * 4 + b[8:], IMAGES, packed=True), "-1 items"),
    "wrong shape": (
        rewrite(lambda b: b[:11] + b"\x20" + b[12:], IMAGES, packed=True),
        "images of 32x28 pixels; expected 28x28",
    ),
    "label count": (
        rewrite(lambda b: b[:7] + b"\x3b" + b[8:-1], LABELS, packed=True),
        "59 labels, but train-images-idx3-ubyte.gz has 60 images",
    ),
    "label too high": (rewrite(lambda b: b[:-1] + b"\x0a", LABELS, packed=True), "label 10"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, idx_files: ModuleType, kind: str) -> None:
    folder = idx_files.write_set(tmp_path / "set")
    damage, said = DAMAGE[kind]
    path = damage(folder)
    with pytest.raises(InputError, match=said) as caught:
        data.load("fashion-mnist", data_dir=folder)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path, idx_files: ModuleType) -> None:
    folder = idx_files.write_set(tmp_path / "set")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\[.gz\]: missing"):
        data.load("fashion-mnist", data_dir=folder)
    described = data.describe("fashion-mnist", data_dir=folder)
    assert described.found is None and "t10k-labels" in str(described.problem)


def test_mnist_shares_the_format(tmp_path: Path, idx_files: ModuleType) -> None:
    folder = idx_files.write_set(tmp_path / "MNIST" / "raw", packed=False).parents[1]
    loaded = data.load("mnist", data_dir=folder, train_images=20, validation_images=10)
    assert loaded.info.mean == (0.1307,) and not loaded.info.flip
    assert loaded.train.labels.bincount().tolist() == [2] * 10
