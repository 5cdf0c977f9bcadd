"""Every mode is compared with the 8-bit picture that it was made from, turns with Pillow's own."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.pictures import eight_bits, upright
from lcsearch.data.user import users_own

RAMP = np.add.outer(np.arange(10) * 20, np.arange(12) * 6).astype(np.uint8)
"""Every corner, row and column is told from any other; 0 to 246."""


def stored(picture: Image.Image, kind: str, **options: object) -> Image.Image:
    """A picture as it is read from a file of some kind."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return Image.open(file)


def of_mode(mode: str) -> Image.Image:
    wide = RAMP.astype(np.uint16) * 257
    return {
        "I;16": lambda: Image.fromarray(wide),
        "I;16B": lambda: Image.frombytes("I;16B", (12, 10), wide.astype(">u2").tobytes()),
        "I": lambda: Image.fromarray(wide.astype(np.int32)),
        "F": lambda: Image.fromarray(RAMP.astype(np.float32) / 255),
    }[mode]()


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_deep_pictures_are_scaled_to_8_bits(mode: str) -> None:
    picture = of_mode(mode)
    assert picture.mode == mode
    got = eight_bits(picture)
    assert got.mode == "L" and np.array_equal(np.asarray(got), RAMP)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF"), ("I", "TIFF"), ("F", "TIFF"), ("I", "PPM")],
)
def test_deep_files_are_scaled_to_8_bits(mode: str, kind: str) -> None:
    picture = stored(of_mode(mode), kind)
    assert np.array_equal(np.asarray(eight_bits(picture)), RAMP)


def test_values_between_two_of_8_bits_take_the_nearer() -> None:
    deep = np.array([[0, 128, 129, 385, 386, 65_535]], dtype=np.uint16)
    assert np.asarray(eight_bits(Image.fromarray(deep))).tolist() == [[0, 0, 1, 1, 2, 255]]
    floats = np.array([[0.0, 0.4, 0.6, 254.4, 254.6, 255.0]], dtype=np.float32) / 255
    assert np.asarray(eight_bits(Image.fromarray(floats))).tolist() == [[0, 0, 1, 254, 255, 255]]


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.array([[0, 65_536]], dtype=np.int32), "mode I from 0 to 65,536; expected 0 to 65,535"),
        (np.array([[-1, 9]], dtype=np.int32), "mode I from -1 to 9"),
        (np.array([[0, 1.01]], dtype=np.float32), "mode F from 0 to 1.01; expected floats from 0 to 1"),
        (np.array([[-0.5, 1]], dtype=np.float32), "mode F from -0.5 to 1"),
        (np.array([[np.nan, 1]], dtype=np.float32), "mode F from nan"),
        (np.array([[0, np.inf]], dtype=np.float32), "to inf"),
    ],
)
def test_pixels_out_of_range_are_refused_with_their_mode(pixels: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        eight_bits(Image.fromarray(pixels))


def drawn(mode: str) -> Image.Image:
    """A black disc on nothing: alone in the alpha channel."""
    y, x = np.mgrid[:20, :20]
    alpha = np.where((x - 10) ** 2 + (y - 10) ** 2 < 36, 255, 0).astype(np.uint8)
    picture = Image.fromarray(np.dstack([np.zeros((20, 20, 3), dtype=np.uint8), alpha]), "RGBA")
    if mode == "P":
        flat = Image.fromarray(np.where(alpha > 0, 1, 0).astype(np.uint8), "P")
        flat.putpalette([0] * 6)
        return stored(flat, "PNG", transparency=0)
    if mode in ("L", "RGB"):
        ink, clear = (1, 0) if mode == "L" else ((1, 0, 0), (0, 0, 0))
        flat = Image.new(mode, (20, 20), clear)
        flat.paste(ink, mask=Image.fromarray(alpha))
        return stored(flat, "PNG", transparency=clear)
    if mode == "I;16":
        return stored(Image.fromarray(np.where(alpha > 0, 257, 9).astype(np.uint16)), "PNG", transparency=9)
    return stored(picture.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "I;16"])
def test_what_is_transparent_is_white(mode: str) -> None:
    picture = drawn(mode)
    assert picture.mode == mode
    got = np.asarray(eight_bits(picture).convert("L")).astype(int)
    assert got[0, 0] == 255 and got[10, 10] <= 1
    assert set((got > 100).flatten().tolist()) == {True, False}


def test_half_transparent_pixels_are_half_white_and_opaque_ones_are_left() -> None:
    half = Image.new("RGBA", (2, 2), (200, 100, 0, 51))
    # 51 of 255 are a fifth: 0.2 * (200, 100, 0) + 0.8 * 255.
    assert np.abs(np.asarray(eight_bits(half))[0, 0].astype(int) - (244, 224, 204)).max() <= 1
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    opaque = Image.fromarray(noise).convert("RGBA")
    assert np.array_equal(np.asarray(eight_bits(opaque)), noise)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV"])
def test_plain_pictures_are_left_as_they_are(mode: str) -> None:
    picture = Image.fromarray(RAMP).convert("RGB").convert(mode)
    assert eight_bits(upright(picture)) is picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_files_are_turned_as_their_exif_says(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.dstack([RAMP] * 3))
    got = upright(stored(picture, kind, exif=exif))
    expected = ImageOps.exif_transpose(stored(picture, kind, exif=exif))
    assert got.size == ((12, 10) if orientation < 5 else (10, 12))
    assert np.array_equal(np.asarray(got), np.asarray(expected))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "exif",
    [
        b"no exif at all",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\0\x01\x01\x12",
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x02xx\0\0\0\0\0\0",
    ],
    ids=["no TIFF", "no directory", "cut short", "words for the orientation"],
)
def test_damaged_exif_leaves_the_picture_as_it_lies(exif: bytes) -> None:
    picture = stored(Image.fromarray(RAMP), "PNG", exif=b"Exif\0\0" + exif)
    assert "exif" in picture.info and np.array_equal(np.asarray(upright(picture)), RAMP)


def test_a_picture_that_was_worked_on_is_not_turned_again() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    by_hand = stored(Image.fromarray(RAMP), "PNG", exif=exif).transpose(Image.Transpose.ROTATE_270)
    assert by_hand.getexif()[0x0112] == 6 and upright(by_hand) is by_hand


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_functions_may_give_deep_pictures(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    square = of_mode(mode).crop((0, 0, 10, 10))
    give([(square, k % 2) for k in range(20)], monkeypatch)
    images = users_own("pictures_of_mine:make", None).images
    assert images.shape == (20, 1, 10, 10) and np.array_equal(images[7, 0].numpy(), RAMP[:, :10])


def test_functions_may_give_files_that_lie_on_their_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    turned = Image.fromarray(RAMP[:, :10]).transpose(Image.Transpose.ROTATE_270)
    turned.save(tmp_path / "side.png", exif=exif)
    give([(Image.open(tmp_path / "side.png"), k % 2) for k in range(20)], monkeypatch)
    assert np.array_equal(users_own("pictures_of_mine:make", None).images[0, 0].numpy(), RAMP[:, :10])


def test_what_is_wrong_with_a_functions_picture_names_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Image.fromarray(RAMP[:, :10])
    Image.effect_noise((10, 10), 50).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-60])
    bright = Image.fromarray(np.full((10, 10), 3.0, dtype=np.float32))
    for wrong, said in (
        (bright, "mode F from 3 to 3"),
        (Image.open(tmp_path / "cut.png"), "no readable picture"),
    ):
        give([(good, 0), (good, 1), (wrong, 0)], monkeypatch)
        with pytest.raises(InputError, match=f"train: image 2: .*{said}"):
            data.load("pictures_of_mine:make")


def give(train: list[tuple[Image.Image, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``pictures_of_mine:make`` return these."""
    import sys
    from types import ModuleType

    module = ModuleType("pictures_of_mine")
    module.make = lambda: (train, train)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pictures_of_mine", module)
