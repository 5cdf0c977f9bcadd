"""What may stand in a search space file, and its limits."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from lcsearch.core.config import RecipeModel, VersionedModel
from lcsearch.core.errors import did_you_mean
from lcsearch.core.yaml import Strict, first_mistake, problem, shown
from lcsearch.search.space.ranges import FloatRange, IntRange, Rank, Share, Shrink, Sparsity, Weight, Width

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.core.spec import ModelSpec
    from lcsearch.search.space.bound import BoundSpace

Kind = Literal["conv", "linear"]
Coefficients = Literal["full", "low_rank", "sparse"]
Granularity = Literal["layer", "stage", "network"]


class LayerRule(Strict):
    """What the convolutions that match one pattern may become."""

    kind: list[Kind] = Field(default=["conv", "linear"], min_length=1)
    alpha: Share = Share(low=0.015625, high=1.0, log=True)
    coefficients: list[Coefficients] = Field(default=["full"], min_length=1)
    rank_ratio: Share | None = None
    rank: Rank | None = None
    sparsity: Sparsity = Sparsity(low=0.25, high=0.9)

    @field_validator("kind", "coefficients", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("kind", "coefficients")
    @classmethod
    def _no_name_twice(cls, value: list[str]) -> list[str]:
        for index, name in enumerate(value):
            if name in value[:index]:
                raise problem(f"{name!r} stands there twice", (index,))
        return value

    @model_validator(mode="after")
    def _one_rank(self) -> LayerRule:
        if self.rank is not None and self.rank_ratio is not None:
            raise problem("rank and rank_ratio exclude each other; write one of them", ("rank",))
        return self

    @property
    def ranks(self) -> Share | Rank:
        """The range that decides the rank of low-rank coefficients."""
        return self.rank or self.rank_ratio or Share(low=0.05, high=0.5, log=True)


class RegularizerRule(Strict):
    """The weight of the correlation loss, and whether it may be off."""

    weight: Weight = Weight(low=0.0, high=0.0)
    off: bool = False


class Space(VersionedModel):
    """A search space file.

    Attributes:
        version: 1.
        backbone: The backbone it is for; a pattern such as ``"*"`` or ``"torchvision:*"`` serves several.
        granularity: Who shares a choice: nobody (``layer``), the convolutions whose outputs have one size
            (``stage``), or all (``network``).
        layers: Pattern of module names to what matching convolutions may become; the first match wins,
            and a convolution that none matches stays plain.
        min_share: A convolution with a smaller share of all convolutions' parameters stays plain.
        shrink: Factor on every sampled alpha, which does not go below its own low. Independent alphas of many
            layers average out: without a common factor nearly all random models have one size.
        regularizer: The correlation loss.
        width: Factor on the backbone's channels, fixed or searched.
        train: Fields of the recipe, fixed or searched.
    """

    backbone: str = Field(min_length=1)
    granularity: Granularity = "layer"
    layers: dict[str, LayerRule] = Field(min_length=1)
    min_share: float = Field(default=0.0, ge=0, lt=1)
    shrink: Shrink = Shrink(low=1.0, high=1.0)
    regularizer: RegularizerRule = RegularizerRule()
    width: Width = Width(low=1.0, high=1.0)
    train: dict[str, Any] = Field(default_factory=dict)

    @field_validator("train")
    @classmethod
    def _recipe_fields(cls, train: dict[str, Any]) -> dict[str, Any]:
        return {field: _recipe_value(field, value) for field, value in train.items()}

    def rule_for(self, name: str) -> tuple[str, LayerRule] | None:
        """The first pattern that matches a module name, and its rule; None where none matches."""
        for pattern, rule in self.layers.items():
            if fnmatchcase(name, pattern):
                return pattern, rule
        return None

    def with_width(self, low: float, high: float) -> Space:
        """The same space with the width searched (on a log scale) between two factors."""
        return self.model_copy(update={"width": Width(low=low, high=high, log=low < high)})

    def to_plain(self) -> dict[str, Any]:
        """Plain data that ``parse_space`` takes back."""
        return self.model_dump(exclude_none=True)

    def bind(
        self,
        model: nn.Module,
        template: ModelSpec,
        build: Callable[[float], nn.Module] | None = None,
    ) -> BoundSpace:
        """Bind the space to a backbone.

        Args:
            model: The plain backbone at ``template.width``; the meta device is enough.
            template: Backbone, classes and channels of every spec to come; its layers are not looked at.
            build: The plain backbone at another width; by default the template's is built on the meta device.

        Raises:
            InputError: The space names layers that the backbone lacks, or a width that it cannot have.
        """
        from lcsearch.search.space.bind import bind

        return bind(self, model, template, build)


_OF_THE_RUN = {
    "epochs": "the number of epochs is the run's --epochs",
    "init": "where models start is the run's --init",
    "distill": "it is the run's --distill",
}
"""Fields of the recipe that a space neither fixes nor searches."""


def _recipe_value(field: str, value: Any) -> Any:
    """One entry of ``train``: a checked value, or a range of a checked field."""
    if field in _OF_THE_RUN:
        raise problem(f"{shown(value)} is not allowed; {_OF_THE_RUN[field]}", (field,))
    if field not in RecipeModel.model_fields:
        raise problem(
            f"unknown key; {did_you_mean(field, set(RecipeModel.model_fields) - set(_OF_THE_RUN))}", (field,)
        )
    if not isinstance(value, dict | FloatRange | IntRange):
        return _checked(field, value, (field,))
    kind = _range_type(field)
    if kind is None:
        raise problem(
            f"{shown(value)} is not allowed; {field} is no number, so it cannot be searched", (field,)
        )
    searched = _range_of(kind, value if isinstance(value, dict) else value.model_dump(), field)
    for end in ("low", "high"):
        _checked(field, getattr(searched, end), (field, end))
    return searched


def _range_type(field: str) -> type[FloatRange] | type[IntRange] | None:
    kinds = {"float": FloatRange, "int": IntRange, "int | None": IntRange}
    annotation = RecipeModel.model_fields[field].annotation
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return kinds.get(name)  # type: ignore[return-value]


def _range_of(kind: type[FloatRange] | type[IntRange], plain: Any, field: str) -> FloatRange | IntRange:
    mistake = first_mistake(kind, plain)
    if mistake is not None:
        raise problem(mistake[1], (field, *mistake[0]))
    return kind.model_validate(plain)


def _checked(field: str, value: Any, at: tuple[str, ...]) -> Any:
    mistake = first_mistake(RecipeModel, {field: value})
    if mistake is not None:
        raise problem(mistake[1], at)
    return value
