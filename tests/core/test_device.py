from __future__ import annotations

import pytest
import torch

from lcsearch.core.device import pick_device
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
