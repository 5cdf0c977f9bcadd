from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lcsearch.core.metric import Metric
from lcsearch.data import DatasetInfo, SearchData, Split, notes_on

INFO = DatasetInfo("pebbles", 3, 1, 8, (0.5,), (0.2,), False, 1)


def pebbles(labels: list[int], span: int = 200, level: int = 30) -> Split:
    """Images whose darkest pixel is ``level``, and whose brightest is ``span`` above."""
    images = torch.full((len(labels), 1, 8, 8), level, dtype=torch.uint8)
    images[:, :, 3, 5] = level + span
    return Split(images, torch.tensor(labels))


GOOD = SearchData(INFO, pebbles([0, 1, 2] * 10), pebbles([0, 1, 2] * 40))


def test_nothing_is_said_of_good_images() -> None:
    assert notes_on(GOOD) == ()
    assert notes_on(replace(GOOD, validation=pebbles([0, 1] * 49 + [2, 2]))) == ()


def test_few_validation_images_are_said_with_what_one_of_them_weighs() -> None:
    (said,) = notes_on(replace(GOOD, validation=pebbles([0, 1, 2] * 20)))
    assert said.startswith("only 60 validation images: each is 1.67 points of accuracy")
    (said,) = notes_on(replace(GOOD, validation=pebbles([0, 1, 2] * 33)))
    assert said.startswith("only 99 validation images")


def test_classes_that_a_part_never_sees_are_named() -> None:
    without = pebbles([0, 2] * 60)
    assert notes_on(replace(GOOD, train=without)) == ("no training image is of class 1",)
    named = replace(GOOD, info=replace(INFO, classes=("flint", "chalk", "slate")), validation=without)
    assert notes_on(named) == ("no validation image is of class 'chalk'",)
    many = replace(GOOD, info=replace(INFO, num_classes=8))
    assert notes_on(many) == tuple(
        f"no {part} image is of the classes 3, 4, 5 and 2 more" for part in ("training", "validation")
    )


def test_only_the_images_that_are_trained_on_count() -> None:
    data = replace(GOOD, train=pebbles([0] * 5 + [1, 2] * 5))
    assert notes_on(data) == ()
    assert notes_on(data, 5)[0] == "no training image is of the classes 1, 2"


@pytest.mark.parametrize("span", [0, 1, 16])
def test_a_set_of_constant_images_is_told_from_a_dark_one(span: int) -> None:
    flat = pebbles([0, 1, 2] * 200, span)
    (said,) = notes_on(replace(GOOD, train=flat))
    assert f"none spans more than {span} of 255" in said
    dark = Split(flat.images.clone(), flat.labels)
    dark.images[-1] = pebbles([0], 17).images[0]
    assert notes_on(replace(GOOD, train=dark)) == ()


def test_flat_images_of_different_colours_are_constant_too() -> None:
    colours = torch.arange(0, 240, 8, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    (said,) = notes_on(replace(GOOD, train=Split(colours, GOOD.train.labels)))
    assert "all but constant" in said


def test_what_was_left_out_comes_first() -> None:
    data = replace(GOOD, left_out=("a", "b"), validation=pebbles([0, 1, 2]))
    assert notes_on(data)[:2] == ("a", "b") and len(notes_on(data)) == 3


def test_a_class_with_more_than_four_fifths_is_named_with_its_share() -> None:
    def said(
        labels: list[int], metric: Metric | None = "accuracy", images: int | None = None
    ) -> tuple[str, ...]:
        return notes_on(replace(GOOD, train=pebbles(labels)), images, metric)

    assert said([1] * 40 + [0] * 5 + [2] * 5) == ()
    (line,) = said([1] * 41 + [0] * 5 + [2] * 4)
    assert line == (
        "class 1 holds 82.0 % of the training images, so accuracy says little of the others; "
        "the metric balanced-accuracy counts all alike"
    )
    assert said([1] * 41 + [0] * 5 + [2] * 4, metric="macro-f1") == (
        "class 1 holds 82.0 % of the training images",
    )
    assert said([1] * 41 + [0] * 5 + [2] * 4, metric=None) == said([1] * 41 + [0] * 5 + [2] * 4, "macro-f1")
    assert said([1, 0, 2] * 10 + [1] * 200, images=30) == ()
    named = replace(
        GOOD, info=replace(INFO, classes=("flint", "chalk", "slate")), train=pebbles([2] * 90 + [0, 1])
    )
    assert notes_on(named)[0].startswith("class 'slate' holds 97.8 % of")


def test_by_a_mean_over_classes_the_rarest_one_decides_what_one_image_weighs() -> None:
    data = replace(GOOD, validation=pebbles([0] * 300 + [1] * 33 + [2] * 40))
    assert notes_on(data, None, "accuracy") == ()
    (line,) = notes_on(data, None, "macro-f1")
    assert line.startswith("only 33 validation images of class 1: each is about 1.01 points of macro F1, so")
    assert (
        notes_on(replace(GOOD, validation=pebbles([0] * 300 + [1] * 34 + [2] * 40)), None, "macro-f1") == ()
    )
    alone = replace(
        GOOD, validation=pebbles([0] * 30 + [1] + [2] * 30), info=replace(INFO, classes=("a", "b", "c"))
    )
    (line,) = notes_on(alone, None, "balanced-accuracy")
    assert line.startswith(
        "only 1 validation image of class 'b': each is about 33.3 points of balanced accuracy"
    )
