"""Config files: one trial's spec as YAML, such as a run's ``best.yaml``, and recipe files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lcsearch.core.checked import Checked, Versioned
from lcsearch.core.errors import InputError
from lcsearch.core.files import write_text
from lcsearch.core.metric import Metric
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.core.strict import validate
from lcsearch.core.yaml import read_yaml, yaml_text


@dataclass(frozen=True, slots=True)
class Source(Checked):
    """Where a config came from; what is unknown is None.

    Attributes:
        run: The run directory.
        trial: The trial's number in it.
        accuracy: Validation accuracy in percent of its last epoch.
        params: Numbers that the model must store.
        macs: Multiply-accumulates of one image.
        why: How it was chosen, in words.
        metric: What the accuracy is; None for the share of right answers.
        trainable: Numbers that training changes; None where they are all that is stored.
    """

    run: str | None = None
    trial: int | None = None
    accuracy: float | None = None
    params: int | None = None
    macs: int | None = None
    why: str | None = None
    metric: Metric | None = None
    trainable: int | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A config file: what to build and train, and where that came from."""

    spec: TrialSpec
    source: Source = Source()


def write_config(path: Path, spec: TrialSpec, source: Source = Source()) -> None:
    """Write a config file, under a temporary name first.

    Raises:
        InputError: The place is not writable.
    """
    write_text(path, config_text(spec, source))


def config_text(spec: TrialSpec, source: Source = Source()) -> str:
    """The YAML text of a config file; plain layers, a width of 1 and unknown sources are left out."""
    plain = spec.to_plain()
    plain["layers"] = {name: layer for name, layer in plain["layers"].items() if layer["family"] != "conv"}
    if plain["width"] == 1:
        del plain["width"]
    known = {key: value for key, value in asdict(source).items() if value is not None}
    if known:
        plain["source"] = known
    return yaml_text(plain, short=True)


def read_config(path: Path) -> Config:
    """Read a config file.

    Raises:
        InputError: It is unreadable, no YAML, or holds something that is not allowed.
    """
    return parse_config(read_yaml(path), str(path))


def parse_config(plain: Any, name: str) -> Config:
    """Validate a config's plain data, such as ``TrialSpec.to_plain()`` returns.

    Args:
        plain: The data.
        name: The file or whatever else it came from, for the message.

    Raises:
        InputError: Something in it is not allowed.
    """
    read = validate(_ConfigFile, plain, name)
    if read.channels and read.image_size is None:
        raise InputError(f"{name}: image_size: is missing; channels need [height, width] of the images")
    return read.config()


def recipe_values(plain: Any, name: str) -> dict[str, Any]:
    """Validate some fields of a recipe and return them.

    Raises:
        InputError: A key is no field of ``Recipe``, or a value is not allowed.
    """
    recipe = validate(Recipe, plain, name)
    return {key: getattr(recipe, key) for key in plain}


@dataclass(frozen=True)
class _ConfigFile(ModelSpec, Versioned):
    """A config file as it is laid out: the model's fields beside all else."""

    regularizer: Regularizer = field(default_factory=Regularizer)
    recipe: Recipe = field(default_factory=Recipe)
    source: Source = Source()

    def config(self) -> Config:
        """The records that the rest of lcsearch works with."""
        layers = {name: layer for name, layer in self.layers.items() if layer.family != "conv"}
        model = ModelSpec(
            self.backbone,
            self.num_classes,
            self.in_channels,
            self.width,
            layers,
            self.channels,
            self.image_size if self.channels else None,
        )
        return Config(TrialSpec(model, self.regularizer, self.recipe), self.source)
