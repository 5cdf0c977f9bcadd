"""Metrics by hand and as scikit-learn has them, and how sure they are, from answers drawn by chance."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from lcsearch.core.metric import Metric, effective_images, metric_words, score


def answers(confusion: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and answers of a confusion matrix: row the right class, column the answer."""
    cells = [(row, column, n) for row, counts in enumerate(confusion) for column, n in enumerate(counts)]
    return (np.repeat([c[0] for c in cells], [c[2] for c in cells]),
            np.repeat([c[1] for c in cells], [c[2] for c in cells]))  # fmt: skip


WORKED = [
    # Always the large class: 90 of 100 right; recalls 1 and 0; F1 2*90/(90+100) and 0.
    ([[90, 0], [10, 0]], 90.0, 50.0, 100 * (180 / 190 + 0) / 2),
    # Recalls 6/8, 1/2, 3/5; F1 2*6/(8+7), 2*1/(2+3), 2*3/(5+5).
    ([[6, 1, 1], [0, 1, 1], [1, 1, 3]], 100 * 10 / 15, 100 * 1.85 / 3, 100 * (0.8 + 0.4 + 0.6) / 3),
    # No image of the last class, though it is answered once: means over the other two.
    ([[3, 0, 1], [0, 4, 0], [0, 0, 0]], 100 * 7 / 8, 100 * (0.75 + 1) / 2, 100 * (6 / 7 + 1) / 2),
]  # fmt: skip


@pytest.mark.parametrize(("confusion", "accuracy", "balanced", "f1"), WORKED)
def test_confusion_counts_worked_out_by_hand(
    confusion: list[list[int]], accuracy: float, balanced: float, f1: float
) -> None:
    labels, predicted = answers(confusion)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score("accuracy", labels, predicted) == pytest.approx(accuracy)
        assert score("balanced-accuracy", labels, predicted) == pytest.approx(balanced)
        assert score("macro-f1", labels, predicted) == pytest.approx(f1)


def test_where_every_class_has_images_they_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    labels = np.concatenate([np.arange(7), random.choice(7, 500, p=[0.6, 0.2, 0.1, 0.04, 0.03, 0.02, 0.01])])
    predicted = np.where(random.random(len(labels)) < 0.6, labels, random.integers(0, 7, len(labels)))
    order = random.permutation(len(labels))
    labels, predicted = labels[order], predicted[order]
    assert score("balanced-accuracy", labels, predicted) == pytest.approx(
        100 * balanced_accuracy_score(labels, predicted)
    )
    assert score("macro-f1", labels, predicted) == pytest.approx(
        100 * f1_score(labels, predicted, average="macro")
    )


def test_effective_images_by_hand() -> None:
    assert effective_images("balanced-accuracy", [50, 50]) == 100
    assert effective_images("balanced-accuracy", [90, 10]) == 36  # 4 / (1/90 + 1/10)
    assert effective_images("macro-f1", [0, 90, 10, 0]) == 36
    assert effective_images("macro-f1", [1, 90, 10]) == 8  # 9 / (1 + 1/90 + 1/10)
    assert effective_images("accuracy", [90, 10]) == 100
    assert effective_images("balanced-accuracy", [1]) == 1
    assert effective_images("balanced-accuracy", []) == 1


COUNTS = [(500, 500), (980, 20), (1000, *[20] * 9)]


def deviation(metric: Metric, counts: tuple[int, ...], recall: float) -> tuple[float, float]:
    """Mean and deviation in percent of a metric over 400 sets of answers; wrong ones fall evenly."""
    random = np.random.default_rng(11)
    found = []
    for _ in range(400):
        rows = []
        for own, count in enumerate(counts):
            shares = np.full(len(counts), (1 - recall) / (len(counts) - 1))
            shares[own] = recall
            rows.append(random.multinomial(count, shares).tolist())
        found.append(score(metric, *answers(rows)))
    return float(np.mean(found)), float(np.std(found))


@pytest.mark.slow
@pytest.mark.parametrize("counts", COUNTS, ids=str)
def test_answers_by_chance_scatter_as_effective_images_say(counts: tuple[int, ...]) -> None:
    """The deviation of 400 draws is known to 3.5 % (one standard error), so four of them are allowed."""
    balanced = _against_said("balanced-accuracy", counts)
    assert 0.86 < balanced < 1.14
    assert _against_said("macro-f1", counts) < 1.14


def _against_said(metric: Metric, counts: tuple[int, ...]) -> float:
    """The deviation, in units of what an accuracy of as many images as are said would have."""
    mean, scatter = deviation(metric, counts, 0.9)
    share = mean / 100
    return scatter / (100 * math.sqrt(share * (1 - share) / effective_images(metric, counts)))


def test_what_people_call_them() -> None:
    assert [metric_words(name) for name in ("accuracy", "balanced-accuracy", "macro-f1")] == [
        "accuracy",
        "balanced accuracy",
        "macro F1",
    ]
