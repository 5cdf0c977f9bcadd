"""MNIST, Fashion-MNIST and their IDX files: where they lie, what is read, what is said of damaged ones."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from idx_files import write_set
from torchvision.datasets import mnist as torchvision_mnist

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.sets import _torchvision

REAL = Path("/usr/share/datasets/fashion-mnist")
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_debians_package_comes_after_the_users_folder_and_before_the_cache(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_torchvision, "DEBIAN", tmp_path / "debian")
    write_set(cache / "fashion-mnist" / "FashionMNIST" / "raw")
    debian = write_set(tmp_path / "debian" / "fashion-mnist")
    own = write_set(tmp_path / "own")
    assert data.describe("fashion-mnist").found == str(debian)
    assert data.describe("fashion-mnist", data_dir=own).found == str(own)
    write_set(tmp_path / "debian" / "mnist")
    assert data.describe("mnist").found is None


def test_torchvision_downloads_it_and_keeps_stdout_clean(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatty(self: object, root: Path, **options: object) -> None:
        assert options == {"download": True}
        print("Failed to download (trying next):")
        write_set(root / "FashionMNIST" / "raw", packed=False)

    monkeypatch.setattr(_torchvision, "DEBIAN", tmp_path)
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.__init__", chatty)
    assert len(data.load("fashion-mnist").train) == 48
    assert (cache / "fashion-mnist" / "FashionMNIST" / "raw").is_dir()
    assert capsys.readouterr().out == ""


def test_who_else_has_it_is_said(cache: Path, no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_torchvision, "DEBIAN", cache)
    with pytest.raises(InputError, match="or install Debian's package dataset-fashion-mnist, or use"):
        data.load("fashion-mnist")
    with pytest.raises(InputError, match="put its four IDX files into data_dir, or use"):
        data.load("mnist")


@pytest.mark.parametrize("packed", [True, False])
def test_small_files_load(tmp_path: Path, packed: bool) -> None:
    folder = write_set(tmp_path / "set", packed=packed)
    loaded = data.load("fashion-mnist", data_dir=folder)
    assert (len(loaded.train), len(loaded.validation)) == (48, 12)
    places = torch.cat([part.images[:, 0, 2, 3] for part in (loaded.train, loaded.validation)])
    assert places.sort().values.tolist() == list(range(60))
    # Padding moved pixel (0, 1), which holds the place in the file, to (2, 3); the label is that modulo 10.
    assert torch.equal(loaded.train.images[:, 0, 2, 3].long() % 10, loaded.train.labels)


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
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, kind: str) -> None:
    folder = write_set(tmp_path / "set")
    damage, said = DAMAGE[kind]
    path = damage(folder)
    with pytest.raises(InputError, match=said) as caught:
        data.load("fashion-mnist", data_dir=folder)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\[.gz\]: missing"):
        data.load("fashion-mnist", data_dir=folder)
    described = data.describe("fashion-mnist", data_dir=folder)
    assert described.found is None and "t10k-labels" in str(described.problem)


def test_mnist_shares_the_format(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "MNIST" / "raw", packed=False).parents[1]
    loaded = data.load("mnist", data_dir=folder, train_images=20, validation_images=10)
    assert loaded.info.mean == (0.1307,) and not loaded.info.flip
    assert loaded.train.labels.bincount().tolist() == [2] * 10
