from __future__ import annotations

import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.data.split import Sizes, check_memory, resolve_sizes, stratified_order


def labels_of(*counts: int) -> torch.Tensor:
    labels = np.repeat(np.arange(len(counts)), counts)
    return torch.from_numpy(np.random.default_rng(0).permutation(labels))


@pytest.mark.parametrize("counts", [(10, 10, 10), (1, 50), (7, 3, 90), (5,), (1, 1, 1)])
def test_order_holds_each_index_once(counts: tuple[int, ...]) -> None:
    labels = labels_of(*counts)
    assert stratified_order(labels).sort().values.tolist() == list(range(len(labels)))


def test_equal_classes_are_exactly_stratified() -> None:
    labels = labels_of(20, 20, 20, 20)
    drawn = labels[stratified_order(labels)]
    for start, stop in itertools.combinations(range(0, 81, 4), 2):
        assert drawn[start:stop].bincount(minlength=4).tolist() == [(stop - start) // 4] * 4


def test_unequal_classes_keep_their_shares() -> None:
    labels = labels_of(100, 300, 600)
    drawn = labels[stratified_order(labels)]
    for k in range(1, 1001):
        got = drawn[:k].bincount(minlength=3).double()
        assert (got - k * torch.tensor([0.1, 0.3, 0.6])).abs().max() < 2


def test_a_rare_class_stands_in_the_middle() -> None:
    # Places 1/2 for the only 0, and 1/6, 3/6, 5/6 for the 1s: no class is served first because it is small.
    labels = torch.tensor([0, 1, 1, 1])
    assert labels[stratified_order(labels)].tolist() == [1, 0, 1, 1]


def test_order_is_shuffled_and_knows_no_seed() -> None:
    labels = labels_of(50, 50)
    torch.manual_seed(1)
    np.random.seed(1)
    first = stratified_order(labels)
    torch.manual_seed(2)
    np.random.seed(2)
    assert torch.equal(first, stratified_order(labels))
    members = first[labels[first] == 0]
    assert not torch.equal(members, members.sort().values)


def test_order_never_changes_between_versions() -> None:
    # The stream of RandomState(20190711), by hand: one permutation per class, classes interleaved.
    random = np.random.RandomState(20190711)
    zeros, ones = random.permutation([0, 1, 2]), random.permutation([3, 4, 5])
    expected = [int(i) for pair in zip(zeros, ones, strict=True) for i in pair]
    assert stratified_order(torch.tensor([0, 0, 0, 1, 1, 1])).tolist() == expected


@pytest.mark.parametrize(
    ("available", "train", "validation", "expected"),
    [
        (60_000, None, None, Sizes(55_000, 5_000)),
        (50_000, None, None, Sizes(45_000, 5_000)),
        (73_257, 10_000, None, Sizes(10_000, 5_000)),
        (1_438, None, None, Sizes(1_150, 288)),
        (60_000, 200, 100, Sizes(200, 100)),
        (11, None, None, Sizes(9, 2)),
    ],
)
def test_sizes(available: int, train: int | None, validation: int | None, expected: Sizes) -> None:
    classes = 2 if available == 11 else 10
    assert resolve_sizes("x", available, classes, train, validation) == expected


@pytest.mark.parametrize(
    ("available", "train", "validation", "said"),
    [
        (60_000, 55_001, None, "train_images=55001: x allows 10 (one a class) to 55,000"),
        (60_000, 0, None, "train_images=0"),
        (60_000, 9, None, "train_images=9"),
        (60_000, None, 0, "validation_images=0"),
        (60_000, None, 59_991, "validation_images=59991: x allows 1 to 59,990"),
        (60_000, None, -1, "validation_images=-1"),
        (10, None, None, "10 training images are too few for 10 classes"),
    ],
)
def test_sizes_that_do_not_fit(available: int, train: int | None, validation: int | None, said: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve_sizes("x", available, 10, train, validation)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_images_than_memory_holds_are_refused_where_all_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Half of 2,048,000 bytes holds exactly 1,000 images of 32x32 bytes.
    machine = {"SC_PAGE_SIZE": 1_024, "SC_PHYS_PAGES": 2_000}
    real = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: machine.get(name) or real(name))
    digits = replace(plugins.find(plugins.DATA_SET, "digits"), name="digits")
    check_memory(digits, 1_000, 32)
    with pytest.raises(InputError, match="image_size=32: 1,001 decoded images of digits need"):
        check_memory(digits, 1_001, 32)
