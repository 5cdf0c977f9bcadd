"""Data for Ray's object store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from lcsearch.engines.ray.shared_data import pack, shared_data


def test_packed_data_come_back_equal_and_uncopied() -> None:
    images = torch.arange(60, dtype=torch.uint8).reshape(3, 20)
    value = {"images": images, "labels": np.arange(3), "every second": images[:, ::2], "name": "digits"}
    packed = pack(value)
    again = packed.unpack()
    assert torch.equal(again["images"], images)
    assert torch.equal(again["every second"], images[:, ::2])
    assert again["labels"].tolist() == [0, 1, 2]
    assert again["name"] == "digits"
    assert again["images"].data_ptr() in {buffer.ctypes.data for buffer in packed.buffers}
    assert len(packed.skeleton) < 1000


@dataclass
class Images:
    streamed: bool
    pixels: torch.Tensor


@dataclass
class Sharing:
    images: Images

    def data(self) -> Images:
        return self.images

    def use_data(self, data: Images) -> None:
        self.images = data


@pytest.mark.parametrize("streamed", [True, False])
def test_images_in_files_of_this_machine_are_not_shared(streamed: bool) -> None:
    packed = shared_data(Sharing(Images(streamed, torch.arange(5))))
    assert (packed is None) == streamed
    assert packed is None or packed.unpack().pixels.tolist() == [0, 1, 2, 3, 4]
    assert shared_data(lambda job, report: {}) is None
