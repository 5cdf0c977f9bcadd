"""The self-check: it refuses a file that computes something else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from lcsearch.data import DatasetInfo, Split
from lcsearch.export.check import ExportError, compare
from lcsearch.export.latency import measure

INFO = DatasetInfo("made", 2, 1, 8, (0.0,), (1.0,), False, 0)
# Image i has every pixel at 51 * i, so its mean is i / 5: 0, 0.2, 0.4, 0.6, 0.8, 1.
PIXELS = torch.arange(6, dtype=torch.uint8) * 51
SPLIT = Split(PIXELS.view(6, 1, 1, 1).expand(6, 1, 8, 8).contiguous(), torch.tensor([0, 0, 1, 1, 1, 0]))


def scores(images: Tensor, plus: float = 0.0, threshold: float = 0.5) -> Tensor:
    """Class 1 above the threshold; the largest score is 10."""
    mean = images.mean((1, 2, 3))
    return torch.stack([10 * (mean <= threshold) + plus, 10.0 * (mean > threshold)], 1)


def test_equal_models_agree_and_their_accuracy_is_counted_by_hand() -> None:
    found = compare(scores, scores, SPLIT, INFO)
    assert found.images == 6
    assert found.difference == 0
    assert found.accuracy == found.trained_accuracy == pytest.approx(100 * 4 / 6)


def test_the_accuracies_are_by_the_metric_that_is_asked_for() -> None:
    """Right are three zeros of four and both ones; the net answers one three times, twice rightly."""
    split = Split(SPLIT.images, torch.tensor([0, 0, 0, 1, 1, 0]))
    balanced = compare(scores, scores, split, INFO, "balanced-accuracy")
    assert balanced.accuracy == balanced.trained_accuracy == pytest.approx(100 * (3 / 4 + 1) / 2)
    f1 = compare(scores, scores, split, INFO, "macro-f1")
    assert f1.accuracy == pytest.approx(100 * (2 * 3 / (4 + 3) + 2 * 2 / (2 + 3)) / 2)


def test_rounding_passes_and_more_does_not() -> None:
    found = compare(scores, lambda images: scores(images, plus=5e-4), SPLIT, INFO)
    assert found.difference == pytest.approx(5e-5, rel=0.01)
    with pytest.raises(ExportError, match=r"differ by 2\.0e-04"):
        compare(scores, lambda images: scores(images, plus=2e-3), SPLIT, INFO)
    with pytest.raises(ExportError, match="differ"):
        compare(scores, lambda images: scores(images) * float("nan"), SPLIT, INFO)


def test_a_prediction_may_change_only_where_scores_tie() -> None:
    def tied(images: Tensor, lead: float) -> Tensor:
        out = scores(images)
        out[0] = torch.tensor([10.0 + lead, 10.0])
        return out

    found = compare(lambda x: tied(x, 1e-4), lambda x: tied(x, -1e-4), SPLIT, INFO)
    assert found.trained_accuracy - found.accuracy == pytest.approx(100 / 6)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_models_are_timed_in_turns_on_one_thread() -> None:
    calls: list[tuple[str, int]] = []

    def model(name: str) -> object:
        return lambda images: calls.append((name, torch.get_num_threads())) or images

    found = measure([model("a"), model("b")], (1, 8, 8))  # type: ignore[list-item]
    assert {count for _, count in calls} == {1} and torch.get_num_threads() == 2
    timed = [name for name, _ in calls][-2 * found.runs :]
    assert timed == ["a", "b"] * found.runs
    assert len(found.seconds) == 2
