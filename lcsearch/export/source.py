"""What is exported: a trial's model with its trained weights, and what its user must know about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcsearch.core.data_digest import DataDigest
from lcsearch.core.errors import InputError, Named, without_settings
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.strict import validate
from lcsearch.runs.directory import RunDirectory

if TYPE_CHECKING:
    from lcsearch.data import DatasetInfo, SearchData
    from lcsearch.data.recorded import Source


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


@dataclass(frozen=True, eq=False)
class CheckImages:
    """What an exported file is checked on.

    Attributes:
        data: The validation images among them.
        random: Whether they are noise.
        note: What is to be said of them; empty where they are the run's.
    """

    data: SearchData
    random: bool = False
    note: str = ""


def load_data(run: RunRecord) -> CheckImages:
    """Read the run's images again: those that are as they were, random ones where there are none.

    Raises:
        InputError: They are not there any more, and the run recorded nothing of them.
    """
    settings: dict[str, Any] = run.settings["settings"]
    facts = run.settings["facts"]
    if settings.get("objective") is not None:
        return CheckImages(_random_data(_random_info(facts)), random=True)
    from lcsearch.data.recorded import UNKNOWN, Source

    keys = ("data_dir", "train_images", "validation_images", "image_size", "own_validation")
    asked: dict[str, Any] = {key: settings.get(key) for key in keys}
    source = Source(settings["dataset"], **asked)
    if run.settings.get("data") is None:
        found = CheckImages(source.load(), note=UNKNOWN)
    else:
        found = _compared(run, source)
    expected = settings.get("normalisation")
    if expected is None:
        return found
    seen = validate(Normalisation, expected, f"{RunDirectory(run.path).settings}: settings.normalisation")
    return replace(found, data=found.data.normalised(seen))


def _compared(run: RunRecord, source: Source) -> CheckImages:
    from lcsearch.data.recorded import CHANGED, RecordedImages, compare

    directory = RunDirectory(run.path)
    digest = validate(DataDigest, run.settings["data"], f"{directory.settings}: data")
    noise = replace(
        _random_info(run.settings["facts"]), name=source.name, mean=tuple(digest.mean), std=tuple(digest.std)
    )
    try:
        found = compare(RecordedImages(digest, directory.images), source)
    except (InputError, OSError) as error:
        note = f"the run's images cannot be read: {without_settings(error)}"
        return CheckImages(_random_data(noise), random=True, note=note)
    if found.changes is None:
        return CheckImages(found.data)
    note = f"{CHANGED}{found.changes}; {found.changes.left} are as they were"
    if len(found.data.validation) == 0:
        return CheckImages(_random_data(noise), random=True, note=note)
    return CheckImages(found.data, note=note)


def _random_info(facts: Mapping[str, Any]) -> DatasetInfo:
    """The facts of random images, normalised to mean 0 and deviation 1."""
    from lcsearch.data import DatasetInfo

    classes, channels, size = (facts[key] for key in ("num_classes", "in_channels", "image_size"))
    return DatasetInfo(RANDOM, classes, channels, size, (0.5,) * channels, (12**-0.5,) * channels, False, 0)


def _random_data(info: DatasetInfo) -> SearchData:
    """Noise, for comparing outputs where there are no real images."""
    import torch

    from lcsearch.data import SearchData, Split

    generator = torch.Generator().manual_seed(0)
    shape = (_RANDOM_IMAGES, info.in_channels, info.image_size, info.image_size)
    images = torch.randint(256, shape, generator=generator).byte()
    labels = torch.randint(info.num_classes, (_RANDOM_IMAGES,), generator=generator)
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
