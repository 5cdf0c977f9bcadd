from __future__ import annotations

import pytest
import torch

from lcsearch.core.device import device_memory, pick_device
from lcsearch.core.errors import InputError


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_best_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto") == expected


def test_a_device_that_is_there_is_taken_as_it_is_called() -> None:
    assert pick_device("cpu") == "cpu" and pick_device("cpu:0") == "cpu:0"


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_one_that_is_not_is_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        pick_device(name)
    said = str(caught.value)
    assert said.startswith(f"device={name!r}: cannot be used here (") and said.endswith("; try auto or cpu")
    assert "\n" not in said


def test_memory_of_other_devices_than_cuda_is_not_known() -> None:
    assert device_memory("cpu") is None and device_memory("mps") is None and device_memory("cpu:0") is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_that_is_taken_is_not_free() -> None:
    torch.cuda.empty_cache()  # what other tests have freed would be taken again
    before = device_memory("cuda")
    taken = torch.empty(1 << 28, dtype=torch.uint8, device="cuda")
    after = device_memory("cuda:0")
    assert before is not None and after is not None and after.total == before.total
    assert before.free - after.free >= taken.numel()
