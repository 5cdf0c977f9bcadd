from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from lcsearch.data import SearchData, load


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits() -> SearchData:
    return load("digits", train_images=640, validation_images=300)
