"""The digest of arrays that travel with a training loop."""

from __future__ import annotations

import functools
import pickle
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from lcsearch.train.carried import carried_digest


def loop(spec: Any, report: Any, images: Any = None, **more: Any) -> float:
    """Stands for a training loop; it is never called."""
    raise AssertionError


IMAGES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def digest(images: Any) -> str:
    return carried_digest(functools.partial(loop, images=images))


def test_a_plain_function_carries_nothing() -> None:
    assert carried_digest(loop) == "" and carried_digest(functools.partial(loop, images="a path")) == ""


@pytest.mark.parametrize(
    "other",
    [
        IMAGES + 1, IMAGES[::-1], IMAGES.reshape(3, 2, 4), IMAGES.astype(np.float64), IMAGES[:1],
        [IMAGES, IMAGES.copy()], np.zeros((0, 3)),
    ],
    ids=["values", "order", "shape", "type", "fewer", "more", "none"],
)  # fmt: skip
def test_whatever_differs_in_an_array_tells(other: Any) -> None:
    assert digest(IMAGES) == digest(IMAGES.copy()) != digest(other) != ""


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.int64])
def test_tensors_are_looked_at_wherever_they_lie(kind: torch.dtype) -> None:
    images, labels = torch.ones(4, 1, 2, 2, dtype=kind), torch.arange(4)

    def of(images: torch.Tensor, labels: torch.Tensor) -> str:
        return digest({"train": [TensorDataset(images, labels)]})

    assert of(images, labels) == of(images.clone(), labels.clone())
    assert of(images, labels) != of(images, labels.flip(0))
    changed = images.clone()
    changed[3, 0, 1, 1] = 2
    assert of(images, labels) != of(changed, labels)


def test_arrays_that_a_function_inside_another_uses_go_with_it() -> None:
    def using(images: Any) -> Any:
        return lambda spec, report: images

    assert carried_digest(using(IMAGES)) == carried_digest(using(IMAGES.copy())) != ""
    assert carried_digest(using(IMAGES)) != carried_digest(using(IMAGES + 1))


def test_arrays_of_a_notebook_go_with_it_and_those_of_a_program_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main = ModuleType("__main__")
    main.__dict__["IMAGES"] = IMAGES
    exec("def loop(spec, report): return IMAGES", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert carried_digest(main.loop) != ""
    main.__file__ = "my_program.py"
    assert carried_digest(main.loop) == ""


def test_it_is_the_same_in_another_process() -> None:
    there = pickle.loads(pickle.dumps(functools.partial(loop, images=IMAGES, more=torch.ones(3))))
    assert carried_digest(there) == carried_digest(functools.partial(loop, images=IMAGES, more=torch.ones(3)))
