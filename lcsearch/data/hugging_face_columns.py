"""Which columns of a table hold images and labels: by their types, or as the user names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lcsearch.core.errors import InputError, Named, did_you_mean, reason
from lcsearch.core.text import listed

_USUAL_LABELS = ("label", "labels")
"""Columns of plain numbers or texts that are taken for labels unasked."""

_NO_LABEL = -1
"""What sets of the hub have where labels are not published."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where images and labels stand.

    Attributes:
        image: The column of the images.
        label: The column of the labels.
        classes: Label by value, in their order.
        names: The name of each label.
    """

    image: str
    label: str
    classes: Mapping[Any, int]
    names: tuple[str, ...]

    def alone(self, split: Any, name: str) -> Any:
        """A split without other columns, whose images are pictures or become some.

        Raises:
            InputError: They cannot become any.
        """
        import datasets

        try:
            kept = split.select_columns([self.image, self.label])
            if isinstance(kept.features[self.image], datasets.Image):
                return kept
            return kept.cast_column(self.image, datasets.Image())
        except Exception as error:  # whatever datasets and pyarrow raise
            problem = f"column {self.image!r} holds no images ({reason(error)})"
            raise InputError(problem, setting="dataset", value=name) from error

    def labels(self, split: Any, part: str, name: str) -> Tensor:
        """Labels from 0, int64 (n,), of one split; no picture is decoded.

        Raises:
            InputError: One is none of the classes.
        """
        values = split[self.label][:]
        odd = [value for value in set(values) if value not in self.classes]
        if odd:
            problem = f"{part}: label {odd[0]!r}, which no class has"
            raise InputError(problem, setting="dataset", value=name)
        return torch.tensor([self.classes[value] for value in values], dtype=torch.int64)

    def unlabelled(self, split: Any) -> bool:
        """Whether the labels of a split are not published."""
        return set(split[self.label][:]) <= {_NO_LABEL, None}


def columns_of(train: Any, image: str | None, label: str | None, name: str) -> Columns:
    """Find the columns of images and labels.

    Args:
        train: The training split.
        image: The column of images; None where its type is to tell.
        label: Likewise.
        name: The data set, for messages.

    Raises:
        InputError: There is none, or several may be meant.
    """
    features = train.features
    image = _chosen(features, "image", image, [key for key in features if _holds_images(features[key])], name)
    label = _chosen(features, "label", label, _label_columns(features), name)
    classes, names = _classes(train, label, name)
    return Columns(image, label, classes, names)


def _chosen(features: Mapping[str, Any], what: str, said: str | None, fitting: list[str], name: str) -> str:
    setting = f"{what}_column"
    if said is not None:
        if said not in features:
            problem = f"{name} has no such column; {did_you_mean(said, features)}"
            raise InputError(problem, setting=setting, value=said)
        return said
    if len(fitting) == 1:
        return fitting[0]
    found = f"several columns of {what}s ({', '.join(fitting)})" if fitting else f"no column of {what}s"
    there = ", ".join(f"{key} ({_kind(feature)})" for key, feature in features.items())
    advice = "" if fitting else f"; its columns are {there}"
    raise InputError(f"has {found}{advice}; name one with ", Named(setting), setting="dataset", value=name)


def _label_columns(features: Mapping[str, Any]) -> list[str]:
    import datasets

    declared = [key for key in features if isinstance(features[key], datasets.ClassLabel)]
    usual = [key for key in _USUAL_LABELS if isinstance(features.get(key), datasets.Value)]
    return declared or usual


def _holds_images(feature: Any) -> bool:
    """Whether a column is declared as one of images, or as parquet files without that hold them."""
    import datasets

    return isinstance(feature, datasets.Image) or (
        isinstance(feature, dict) and set(feature) == {"bytes", "path"}
    )


def _kind(feature: Any) -> str:
    return str(getattr(feature, "dtype", None) or type(feature).__name__)


def _classes(train: Any, label: str, name: str) -> tuple[dict[Any, int], tuple[str, ...]]:
    """Labels by value, and their names."""
    import datasets

    feature = train.features[label]
    if isinstance(feature, datasets.ClassLabel):
        names = tuple(feature.names)
        classes: dict[Any, int] = {place: place for place in range(len(names))}
    else:
        values = _label_values(train, label, name)
        classes = {
            value: place for place, value in enumerate(sorted(values, key=lambda one: (str(type(one)), one)))
        }
        names = tuple(map(str, classes))
    if len(classes) < 2:
        problem = f"column {label!r} has {len(classes)} classes; at least 2 are needed"
        raise InputError(problem, setting="dataset", value=name)
    return classes, names


def _label_values(train: Any, label: str, name: str) -> set[int | str]:
    """What stands in a column of labels whose classes are not declared."""
    import datasets

    feature = train.features[label]
    if isinstance(feature, datasets.Value):
        values = set(train[label][:])
        odd = [repr(value) for value in values if not isinstance(value, int | str)]
    else:
        values, odd = set(), [_kind(feature)]
    if odd:
        problem = f"column {label!r} holds {listed(odd)}; labels are whole numbers or texts"
        raise InputError(problem, setting="dataset", value=name)
    return values
