"""What the convolutions that match one pattern of a space file may become, and what a family may offer them.

In the file the keys of all families stand side by side. A key is given to each family of ``kind`` that knows
it. Keys of other families are checked and kept: a family is put in or taken out by its name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_serializer, model_validator

from lcsearch.core import plugins
from lcsearch.core.errors import InputError, no_such
from lcsearch.core.ranges import Share
from lcsearch.core.strict import Names, Strict, first_mistake, known_keys, problem, shown
from lcsearch.layers import lookup
from lcsearch.layers.offer import Rule

_KINDS = ["conv", "linear"]
ALL = Share(low=1.0, high=1.0)
"""All channels stay."""
_OF_ALL = ("kind", "channels", "round_to")
"""Keys that are of no family."""


class LayerRule(Strict):
    """What some convolutions may become.

    Attributes:
        kind: Names of families.
        channels: Share of the output channels that stay, of linear layers too; one for all layers whose
            channels belong together.
        round_to: How many channels stay is a multiple of this, where not all stay.
        offered: What the space says of each that has something to choose, by name.
        unused: What it says of other families, as plain data.
    """

    kind: Names[str] = Field(default=_KINDS)
    channels: Share = Field(
        default=ALL,
        description="Share of the output channels that stay, in (0, 1]; one for all layers whose channels "
        "are added or concatenated. The other keys mean what stays.",
    )
    round_to: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Channels that stay are a multiple of this, such as 8, which devices like."
    )
    offered: dict[str, Rule] = Field(default_factory=dict)
    unused: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        """Give each family its keys."""
        if isinstance(data, BaseModel):
            return data
        rules = searched_families()
        kind = data.get("kind", _KINDS) if isinstance(data, Mapping) else _KINDS
        kinds = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
        _check_searched(kinds, [*rules, lookup.PLAIN])
        keys = dict.fromkeys(key for rule in rules.values() for key in rule.model_fields)
        known_keys((*_OF_ALL, *keys), data)
        own = {key: value for key, value in data.items() if key not in _OF_ALL}
        common = {key: data[key] for key in _OF_ALL[1:] if key in data}
        offered = {name: _checked(rules[name], own) for name in kinds if name in rules}
        used = {key for name in offered for key in rules[name].model_fields}
        left = {key: value for key, value in own.items() if key not in used}
        unused: dict[str, Any] = {}
        for rule in rules.values():
            unused = _checked(rule, left).model_dump(exclude_unset=True, exclude_none=True) | unused
        return {"kind": kind, **common, "offered": offered, "unused": unused}

    def from_scratch(self) -> LayerRule:
        """The rule where all models train from scratch."""
        offered = {name: rule.from_scratch() for name, rule in self.offered.items()}
        return self.model_copy(update={"offered": offered})

    @model_serializer
    def _side_by_side(self) -> dict[str, Any]:
        """Every key, those left out of the file too; where families differ in what they took, none."""
        plain: dict[str, Any] = {"kind": self.kind, "channels": self.channels.model_dump()}
        plain["round_to"] = self.round_to
        differ = set()
        for rule in self.offered.values():
            for key, value in rule.model_dump(exclude_none=True).items():
                if plain.setdefault(key, value) != value:
                    differ.add(key)
        return {key: value for key, value in (plain | self.unused).items() if key not in differ}


def searched_families() -> dict[str, type[Rule]]:
    """The rules of all families that can be searched; a family that does not load has none."""
    found = {}
    for name in plugins.names(plugins.FAMILY):
        try:
            rule = lookup.family(name).rule
        except InputError:
            continue
        if rule is not None:
            found[name] = rule
    return found


def _check_searched(kinds: list[Any], names: list[str]) -> None:
    """Make sure that each kind is a family that can be searched, before its keys look unknown."""
    for place, name in enumerate(kinds):
        if isinstance(name, str) and name not in names:
            raise problem(_why_not(name, names), ("kind", place))


def _checked(rule: type[Rule], plain: Mapping[str, Any]) -> Rule:
    """A rule of those keys that it knows."""
    own = {key: value for key, value in plain.items() if key in rule.model_fields}
    mistake = first_mistake(rule, own)
    if mistake is not None:
        raise problem(mistake[1], mistake[0])
    return rule.model_validate(own)


def _why_not(name: str, names: list[str]) -> str:
    """Why a name is no family that can be searched."""
    if name in plugins.names(plugins.FAMILY):
        try:
            lookup.family(name)
        except InputError as error:
            return str(error)
        return f"{shown(name)} is not allowed; this family cannot be searched"
    return no_such("family", name, names)
