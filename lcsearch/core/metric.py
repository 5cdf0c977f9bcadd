"""What a model is judged by: one number in percent, the accuracy of a run, whichever metric it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer]

Metric = Literal["accuracy", "balanced-accuracy", "macro-f1"]
"""What ``--metric`` takes."""

ACCURACY: Metric = "accuracy"

PLAIN_ACCURACY = "plain_accuracy"
"""The number beside ``accuracy`` that holds the share of right answers, where the metric is another one."""

_WORDS: dict[str, str] = {
    "accuracy": "accuracy",
    "balanced-accuracy": "balanced accuracy",
    "macro-f1": "macro F1",
}


def metric_words(metric: str) -> str:
    """What people call a metric, such as ``balanced accuracy``."""
    return _WORDS[metric]


def score(metric: Metric, labels: Labels, predicted: Labels) -> float:
    """The metric of a model's answers, in percent.

    Balanced accuracy and macro F1 are means over the classes that the labels hold: a class without an image
    has neither.

    Args:
        metric: Which.
        labels: The right class of each image, (n,), at least one.
        predicted: The model's answer for each image, (n,).
    """
    if metric == ACCURACY:
        return 100.0 * int((predicted == labels).sum()) / len(labels)
    import numpy as np
    from sklearn.metrics import f1_score, recall_score

    # The mean of the classes' recalls is scikit-learn's balanced accuracy, which has no choice of classes.
    mean_of = {"balanced-accuracy": recall_score, "macro-f1": f1_score}[metric]
    shown = np.unique(labels)
    return 100.0 * float(mean_of(labels, predicted, labels=shown, average="macro", zero_division=0.0))


def effective_images(metric: Metric, counts: Sequence[int]) -> int:
    """How many images of a plain accuracy would make it as uncertain as the metric is.

    Accuracy q of n images has the variance q(1-q)/n. Balanced accuracy is the mean of C such shares, of n_c
    images each; where all of them are q its variance is q(1-q)/C² · Σ 1/n_c, that of C² / Σ 1/n_c images:
    all images where classes are equally large, about C² times those of the rarest class where one is rare.

    Macro F1 gets the same number. Its variance has no such form, for errors in one class move the F1 of
    another; in simulated answers (two to ten classes, shares of 1 % to 50 %, recalls of 0.6 to 0.97) its
    deviation was 0.2 to 1.05 times what this number says. So its noise is not taken for less than it is.

    Args:
        metric: Which.
        counts: Images of each class; classes without any are left out.

    Returns:
        At least 1.
    """
    shown = [count for count in counts if count > 0]
    if metric == ACCURACY or not shown:
        return max(1, sum(shown))
    return max(1, round(len(shown) ** 2 / sum(1 / count for count in shown)))
