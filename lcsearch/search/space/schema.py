"""What may stand in a search space file, and its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args, get_type_hints

from pydantic import Field, field_validator, model_validator

from lcsearch.core.checked import version_first
from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.ranges import FloatRange, IntRange, Shrink, Weight
from lcsearch.core.spec import Recipe
from lcsearch.core.strict import Strict, first_mistake, format_path, problem, shown
from lcsearch.search.space.old_width import as_channels
from lcsearch.search.space.rule import LayerRule

Granularity = Literal["layer", "stage", "network"]


class RegularizerRule(Strict):
    """The weight of the correlation loss, and whether it may be off."""

    weight: Weight = Weight(low=0.0, high=0.0)
    off: bool = False


class Space(Strict):
    """A search space file.

    Attributes:
        version: 1.
        backbone: The backbone it is for; a pattern such as ``"*"`` or ``"torchvision:*"`` serves several.
        granularity: Who shares a choice: nobody (``layer``), the convolutions whose outputs have one size
            (``stage``), or all (``network``). Channels that must be cut together always share theirs.
        layers: Pattern of module names to what matching convolutions may become; the first match wins,
            and a convolution that none matches stays plain.
        min_share: A convolution with a smaller share of all convolutions' parameters stays plain.
        shrink: Factor on the share that every layer keeps, which does not go below its own low. Independent
            shares of many layers average out: without a common factor nearly all random models have one size.
        regularizer: The loss that families add to the cross entropy.
        train: Fields of the recipe, fixed or searched.
    """

    version: int
    backbone: str = Field(min_length=1)
    granularity: Granularity = "layer"
    layers: dict[str, LayerRule] = Field(min_length=1)
    min_share: float = Field(default=0.0, ge=0, lt=1)
    shrink: Shrink = Shrink(low=1.0, high=1.0)
    regularizer: RegularizerRule = RegularizerRule()
    train: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_any_age(cls, data: Any) -> Any:
        return as_channels(version_first(data))

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

    @property
    def thins(self) -> bool:
        """Whether some rule lets channels go."""
        return any(rule.channels.low < 1 for rule in self.layers.values())

    @property
    def of_weights(self) -> str | None:
        """The path of what it says that means the weights of a trained net; None where there is nothing."""
        for pattern, rule in self.layers.items():
            for own in rule.offered.values():
                if own.of_weights is not None:
                    return format_path(("layers", pattern, own.of_weights))
        return None

    def with_plain(self, names: Iterable[str]) -> Space:
        """The same space in which some convolutions stay plain; as many of their channels may go."""
        rules = {}
        for name in names:
            found = self.rule_for(name)
            kept = {} if found is None else {"channels": found[1].channels, "round_to": found[1].round_to}
            rules[name] = LayerRule.model_validate({"kind": ["conv"], **kept})
        others = {pattern: rule for pattern, rule in self.layers.items() if pattern not in rules}
        return self.model_copy(update={"layers": rules | others})

    def from_scratch(self) -> Space:
        """The same space where all models train from scratch: some families then offer something else.

        Raises:
            InputError: It says something that means the weights of a trained net.
        """
        if self.of_weights is not None:
            why = "it means the weights of a trained net, but all models train from scratch"
            raise InputError(f"{self.of_weights}: is not allowed; {why}", setting="space")
        rules = {pattern: rule.from_scratch() for pattern, rule in self.layers.items()}
        return self.model_copy(update={"layers": rules})

    def to_plain(self) -> dict[str, Any]:
        """Plain data that ``parse_space`` takes back."""
        return self.model_dump(exclude_none=True)


_HINTS = get_type_hints(Recipe)
_FIELDS = {field.name: _HINTS[field.name] for field in fields(Recipe)}
_OF_THE_RUN = ("epochs", "init", "distill")
"""Fields of the recipe that a space neither fixes nor searches."""


def _recipe_value(field: str, value: Any) -> Any:
    """One entry of ``train``: a checked value, or a range of a checked field."""
    if field in _OF_THE_RUN:
        raise problem(f"{shown(value)} is not allowed; {field} is a setting of the run", (field,))
    if field not in _FIELDS:
        raise problem(f"unknown key; {did_you_mean(field, _FIELDS.keys() - set(_OF_THE_RUN))}", (field,))
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
    kinds = {_FIELDS[field], *get_args(_FIELDS[field])}
    return FloatRange if float in kinds else IntRange if int in kinds else None


def _range_of(kind: type[FloatRange] | type[IntRange], plain: Any, field: str) -> FloatRange | IntRange:
    mistake = first_mistake(kind, plain)
    if mistake is not None:
        raise problem(mistake[1], (field, *mistake[0]))
    return kind.model_validate(plain)


def _checked(field: str, value: Any, at: tuple[str, ...]) -> Any:
    mistake = first_mistake(Recipe, {field: value})
    if mistake is not None:
        raise problem(mistake[1], at)
    return value
