"""Data for Ray's object store."""

from __future__ import annotations

import numpy as np
import torch

from lcsearch.engines.ray.shared_data import pack


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
