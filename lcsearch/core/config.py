"""Config files: one trial's spec as YAML, such as a run's ``best.yaml``, and recipe files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, field_validator, model_validator

from lcsearch.core.files import write_text
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec, read_layer
from lcsearch.core.strict import Strict, problem, validate
from lcsearch.core.yaml import read_yaml, yaml_text

__all__ = [
    "Config",
    "RecipeModel",
    "Source",
    "VersionedModel",
    "config_text",
    "parse_config",
    "read_config",
    "read_recipe",
    "recipe_values",
    "write_config",
]

VERSION = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where a config came from; what is unknown is None.

    Attributes:
        run: The run directory.
        trial: The trial's number in it.
        accuracy: Validation accuracy in percent of its last epoch.
        params: Trainable numbers of the model.
        macs: Multiply-accumulates of one image.
        why: How it was chosen, in words.
    """

    run: str | None = None
    trial: int | None = None
    accuracy: float | None = None
    params: int | None = None
    macs: int | None = None
    why: str | None = None


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
    """The YAML text of a config file; plain layers and unknown sources are left out."""
    plain = spec.to_plain()
    plain["layers"] = {name: layer for name, layer in plain["layers"].items() if layer["family"] != "conv"}
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
    return validate(_ConfigModel, plain, name).config()


def read_recipe(path: Path, base: Recipe) -> Recipe:
    """Read a recipe file: keys of ``Recipe``; those left out stay as in ``base``.

    Raises:
        InputError: It is unreadable, no YAML, or holds something that is not allowed.
    """
    return replace(base, **recipe_values(read_yaml(path), str(path)))


def recipe_values(plain: Any, name: str) -> dict[str, Any]:
    """Validate some fields of a recipe and return them.

    Raises:
        InputError: A key is no field of ``Recipe``, or a value is not allowed.
    """
    return validate(RecipeModel, plain, name).model_dump(exclude_unset=True)


class RecipeModel(Strict):
    """The limits of every field of ``Recipe``; all may be left out."""

    epochs: int = Field(default=1, ge=1)
    batch_size: int = Field(default=1, ge=1)
    lr: float = Field(default=0.0, gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    warmup: float = Field(default=0.0, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    average: float = Field(default=0.0, ge=0)
    crop: int | None = Field(default=None, ge=0)
    flip: bool | None = None
    coefficient_l1: float = Field(default=0.0, ge=0)
    clip: float = Field(default=0.0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    init: Literal["scratch", "backbone"] = "scratch"
    distill: float = Field(default=0.0, ge=0, le=1)


class VersionedModel(Strict):
    """A file of version 1; a newer one is refused before its keys are looked at."""

    version: int

    @model_validator(mode="before")
    @classmethod
    def _version_first(cls, data: Any) -> Any:
        version = data.get("version", VERSION) if isinstance(data, dict) else VERSION
        if version != VERSION or isinstance(version, bool):
            raise problem(f"{version!r} is not {VERSION}, the version this lcsearch reads", at=("version",))
        return data


class _RegularizerModel(Strict):
    weight: float = Field(default=0.0, ge=0)
    every: int = Field(default=1, ge=1)
    reduction: Literal["mean", "sum"] = "mean"


class _SourceModel(Strict):
    run: str | None = None
    trial: int | None = None
    accuracy: float | None = None
    params: int | None = None
    macs: int | None = None
    why: str | None = None


class _ConfigModel(VersionedModel):
    backbone: str
    num_classes: int = Field(ge=1)
    in_channels: int = Field(ge=1)
    width: float = Field(default=1.0, gt=0)
    layers: dict[str, Annotated[Any, PlainValidator(read_layer)]] = Field(default_factory=dict)
    regularizer: _RegularizerModel = _RegularizerModel()
    recipe: RecipeModel = RecipeModel()
    source: _SourceModel = _SourceModel()

    @field_validator("layers", mode="before")
    @classmethod
    def _empty(cls, layers: Any) -> Any:
        return {} if layers is None else layers

    def config(self) -> Config:
        """The records that the rest of lcsearch works with."""
        layers = {name: layer for name, layer in self.layers.items() if layer.family != "conv"}
        model = ModelSpec(self.backbone, self.num_classes, self.in_channels, self.width, layers)
        regularizer = Regularizer(**self.regularizer.model_dump())
        recipe = Recipe(**self.recipe.model_dump(exclude_unset=True))
        return Config(TrialSpec(model, regularizer, recipe), Source(**self.source.model_dump()))
