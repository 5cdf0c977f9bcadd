"""What is exported: a trial's model with its trained weights, and what its user must know about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcsearch.core.errors import InputError, Named
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs.directory import RunDirectory

if TYPE_CHECKING:
    from lcsearch.data import DatasetInfo, SearchData


RANDOM = "random images"
"""The data set's name where lcsearch knows none."""

_RANDOM_IMAGES = 100


@dataclass(frozen=True)
class About:
    """What travels with an exported model.

    Attributes:
        config: The config's YAML text.
        info: How images must be prepared.
        fold_batch_norm: Whether batch norm is to be folded into the convolutions before it.
    """

    config: str
    info: DatasetInfo
    fold_batch_norm: bool = False

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return self.info.in_channels, self.info.image_size, self.info.image_size

    def input_json(self) -> str:
        """How to prepare images, as JSON: ``(pixels / 255 - mean) / std``, channel by channel."""
        plain: dict[str, Any] = {"shape": ["batch", *self.image_shape], "dtype": "float32"}
        if self.knows_data:
            plain |= {"mean": list(self.info.mean), "std": list(self.info.std), "scale": 1 / 255}
        return json.dumps(plain)

    @property
    def knows_data(self) -> bool:
        """Whether the images are the run's; with the user's own training loop lcsearch never sees them."""
        return self.info.name != RANDOM


def load_data(run: RunRecord) -> SearchData:
    """Read the run's training and validation images again; random ones where the user's own loop trained.

    Raises:
        InputError: They are not there any more.
    """
    from lcsearch import data

    settings: dict[str, Any] = run.settings["settings"]
    if settings.get("objective") is not None:
        return _random_data(run.settings["facts"])
    keys = ("data_dir", "train_images", "validation_images", "image_size", "own_validation")
    asked: dict[str, Any] = {key: settings.get(key) for key in keys}
    return data.load(settings["dataset"], **asked)


def _random_data(facts: Mapping[str, Any]) -> SearchData:
    """Images for comparing outputs where there are no real ones: noise, normalised to mean 0, deviation 1."""
    import torch

    from lcsearch.data import DatasetInfo, SearchData, Split

    classes, channels, size = (facts[key] for key in ("num_classes", "in_channels", "image_size"))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (_RANDOM_IMAGES, channels, size, size), generator=generator).byte()
    labels = torch.randint(classes, (_RANDOM_IMAGES,), generator=generator)
    info = DatasetInfo(RANDOM, classes, channels, size, (0.5,) * channels, (12**-0.5,) * channels, False, 0)
    return SearchData(info, Split(images, labels), Split(images, labels))


def kept_weights(run: RunRecord, trial: TrialRecord) -> Path:
    """Where a trial's weights lie; a trial that took another's values has that one's weights.

    Raises:
        InputError: They were not kept.
    """
    number = trial.number if trial.duplicate_of is None else trial.duplicate_of
    path = RunDirectory(run.path).weights(number)
    if not path.is_file():
        raise InputError(
            f"trial {trial.number}: its weights were not kept (kept: the front and the hand-picked trials); ",
            Named("format", "yaml"),
            f" exports its config, and 'lcsearch retrain {run.path}' can train it again",
        )
    return path
