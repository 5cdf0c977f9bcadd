"""``run.yaml``: what it holds, every value checked as it is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from lcsearch.core.checked import Checked, Versioned
from lcsearch.core.data_digest import DataDigest
from lcsearch.core.errors import InputError
from lcsearch.core.precision import StepTimes
from lcsearch.core.spec import Channels, Classes
from lcsearch.core.strict import validate
from lcsearch.core.yaml import read_mapping, write_yaml
from lcsearch.runs.settings import RECORDED, RunSettings


@dataclass(frozen=True, slots=True)
class Facts(Checked):
    """What the data set and the space decide, found once when the run is made.

    Attributes:
        num_classes: Labels of the data set.
        in_channels: Channels of its images.
        image_size: Height and width in pixels.
        train_images: Training images; 0 where the user's own loop trains.
        validation_images: Validation images.
        smallest_params: Parameters of the smallest model that the space holds.
        largest_params: Parameters of the largest.
        effective_images: Validation images of a plain accuracy that is as uncertain as the run's metric;
            None where the metric is that itself, or the images are not known.
    """

    num_classes: Classes
    in_channels: Channels
    image_size: Annotated[int, Ge(1)]
    train_images: Annotated[int, Ge(0)]
    validation_images: Annotated[int, Ge(1)]
    smallest_params: Annotated[int, Ge(0)] = 0
    largest_params: Annotated[int, Ge(0)] = 0
    effective_images: Annotated[int, Ge(1)] | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.in_channels, self.image_size, self.image_size

    @property
    def noise_images(self) -> int:
        """Images that the noise of the run's metric on validation images is worked out from."""
        return self.effective_images or self.validation_images


@dataclass(frozen=True)
class RunFile(Versioned):
    """What ``run.yaml`` holds.

    Attributes:
        study: The study's name on a server; None where an old version made the run.
        data: What the images were; None where the user's own loop trains, or an old version made the run.
        carried: Digest of the arrays that the user's own loop carries; empty where there are none, None where
            an old version made the run.
        precision: What a training step took in either precision, which decided the recipe's; None where the
            user or the space named one, the run is too short to gain by it, or an old version made it.
        modules_in: Folders that the user's own modules are imported from, where they are found nowhere else.
        settings: Every setting.
        facts: What the data set and the space decide.
        versions: Of lcsearch and the libraries that made the run.
        machine: That it was made on.
        made_at: When, as ISO 8601 writes it.
        given: Configs that are tried first, as plain data.
        space: What is searched, as plain data.
        notes: What is left out, changed or not used and touches results, a line each: said when the run
            begins, and in the report's head.
    """

    study: str | None = field(default=None, kw_only=True)
    data: DataDigest | None = field(default=None, kw_only=True)
    carried: str | None = field(default=None, kw_only=True)
    precision: StepTimes | None = field(default=None, kw_only=True)
    modules_in: list[str] = field(default_factory=list, kw_only=True)
    settings: RunSettings
    facts: Facts
    versions: dict[str, str]
    machine: dict[str, str]
    made_at: str
    given: list[dict[str, Any]]
    space: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for YAML."""
        return {**asdict(self), "settings": self.settings.to_plain()}


def read_run_file(path: Path) -> RunFile:
    """Read a ``run.yaml``.

    Raises:
        InputError: It is damaged or from a newer version.
    """
    return validate(RunFile, read_mapping(path), str(path))


def write_run_file(path: Path, content: RunFile) -> None:
    """Write a ``run.yaml``, whole or not at all.

    Raises:
        InputError: The place is not writable.
    """
    write_yaml(path, content.to_plain())


def check_names(settings: RunSettings, file: str) -> None:
    """Make sure that what people add and a run names is there.

    Args:
        settings: Of the run.
        file: That holds them, for the message.

    Raises:
        InputError: It is not installed any more.
    """
    for name, setting in RECORDED.items():
        if setting.plugin is not None:
            try:
                setting.check(getattr(settings, name))
            except InputError as error:
                raise InputError(f"{file}: settings.{name}: ", *error.problem) from None
