from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lcsearch.data.pixels import fit, mean_and_std, resize


def noise(n: int, channels: int, size: int) -> torch.Tensor:
    images = np.random.default_rng(0).integers(0, 256, (n, channels, size, size), dtype=np.uint8)
    return torch.from_numpy(images)


def test_up_to_four_missing_pixels_are_a_zero_border() -> None:
    images = noise(5, 1, 28)
    got = fit(images, 32)
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)))
    assert got.dtype == torch.uint8 and np.array_equal(got.numpy(), expected)
    odd = fit(images, 31)
    assert odd.shape == (5, 1, 31, 31) and torch.equal(odd[:, :, 1:29, 1:29], images)


def test_the_right_size_is_left_alone() -> None:
    images = noise(5, 3, 32)
    assert torch.equal(fit(images, 32), images)


@pytest.mark.parametrize(("size", "wanted"), [(8, 32), (32, 16), (28, 64), (32, 9)])
def test_resize_is_pillows_bilinear(size: int, wanted: int) -> None:
    images = noise(4, 1, size)
    got = fit(images, wanted).numpy().astype(int)
    for i in range(4):
        picture = Image.fromarray(images[i, 0].numpy()).resize((wanted, wanted), Image.Resampling.BILINEAR)
        assert np.abs(got[i, 0] - np.asarray(picture).astype(int)).max() <= 1


def test_long_sets_are_resized_in_pieces_without_a_seam() -> None:
    images = noise(1030, 1, 8)
    got = resize(images, 16)
    assert torch.equal(got[1020:], resize(images[1020:], 16))


def test_mean_and_std() -> None:
    images = noise(1500, 3, 8)
    mean, std = mean_and_std(images)
    scaled = images.numpy() / 255
    np.testing.assert_allclose(mean, scaled.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(std, scaled.std(axis=(0, 2, 3)))


def test_a_constant_channel_gets_deviation_one() -> None:
    assert mean_and_std(torch.full((3, 1, 8, 8), 51, dtype=torch.uint8)) == ((pytest.approx(0.2),), (1.0,))
