"""What should be known of images before anything is searched on them: a line each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lcsearch.core.metric import ACCURACY, Metric, metric_words
from lcsearch.core.text import counted
from lcsearch.data.dataset import SearchData

FEW_VALIDATION_IMAGES = 100
LARGE_SHARE = 0.8
"""Of the training images: with more of them in one class accuracy says little."""
FLAT_SPAN = 16
"""Of 255: what the 12 bits become that many cameras write into files of 16."""

_CHUNK = 256
_NAMED = 3


def notes_on(
    data: SearchData, train_images: int | None = None, metric: Metric | None = None
) -> tuple[str, ...]:
    """Say what was left out of a data set, and what its training and validation images lack.

    Args:
        data: The images; test images are not among them.
        train_images: How many of the training images are used, the first ones; None for all.
        metric: What models are judged by, where that can be chosen.

    Returns:
        One line for each remark; none where there is nothing to say.
    """
    images, labels = data.train.images[:train_images], data.train.labels[:train_images]
    return (
        *data.left_out,
        *_few(data.validation.labels, data.info.classes, metric or ACCURACY),
        *_unseen("training", labels, data.info.num_classes, data.info.classes),
        *_unseen("validation", data.validation.labels, data.info.num_classes, data.info.classes),
        *_lopsided(labels, data.info.classes, metric),
        *_flat(images),
    )


def _few(labels: Tensor, names: Sequence[str], metric: Metric) -> list[str]:
    """A line where one validation image moves the metric by more than 1 point."""
    if metric == ACCURACY:
        only, weight = f"{counted(len(labels), 'validation image')}: each is", len(labels)
    else:
        counts = {label: count for label, count in enumerate(labels.bincount().tolist()) if count}
        rarest, count = min(counts.items(), key=lambda pair: pair[1])
        of = f"{counted(count, 'validation image')} of class {_name(rarest, names)}"
        only, weight = f"{of}: each is about", len(counts) * count
    if weight >= FEW_VALIDATION_IMAGES:
        return []
    return [
        f"only {only} {100 / weight:.3g} points of {metric_words(metric)}, "
        "so small differences between models say little"
    ]


def _unseen(part: str, labels: Tensor, num_classes: int, names: Sequence[str]) -> list[str]:
    """A line where a part holds no image of some class."""
    counts = torch.bincount(labels, minlength=num_classes)
    unseen = (counts == 0).nonzero().flatten().tolist()
    if not unseen:
        return []
    first = ", ".join(_name(k, names) for k in unseen[:_NAMED])
    more = f" and {len(unseen) - _NAMED} more" if len(unseen) > _NAMED else ""
    return [f"no {part} image is of {'class' if len(unseen) == 1 else 'the classes'} {first}{more}"]


def _lopsided(labels: Tensor, names: Sequence[str], metric: Metric | None) -> list[str]:
    """A line where one class is so large that accuracy hardly depends on the others."""
    counts = torch.bincount(labels)
    share, largest = float(counts.max()) / len(labels), int(counts.argmax())
    if share <= LARGE_SHARE:
        return []
    line = f"class {_name(largest, names)} holds {100 * share:.1f} % of the training images"
    if metric != ACCURACY:
        return [line]
    return [f"{line}, so accuracy says little of the others; the metric balanced-accuracy counts all alike"]


def _name(label: int, names: Sequence[str]) -> str:
    return repr(names[label]) if names else str(label)


def _flat(images: Tensor) -> list[str]:
    """A line where every image (n, channels, height, width) of uint8 is of one colour, or nearly so."""
    largest = 0
    for chunk in images.split(_CHUNK):
        span = chunk.amax(dim=(2, 3)).int() - chunk.amin(dim=(2, 3)).int()
        largest = max(largest, int(span.max()))
        if largest > FLAT_SPAN:
            return []
    return [
        f"every training image is all but constant: none spans more than {largest} of 255 grey values; "
        "were its pixels written on another scale?"
    ]
