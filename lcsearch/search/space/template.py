"""A space file to edit, with comments, for any backbone."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from pydantic.fields import FieldInfo

from lcsearch.layers import lookup
from lcsearch.layers.offer import Rule
from lcsearch.layers.shape import ConvShape
from lcsearch.search.space.binding import saves
from lcsearch.search.space.bound import BoundSpace
from lcsearch.search.space.files import GENERIC, space_folder, space_names
from lcsearch.search.space.rule import LayerRule

_TEXT = """\
# The search space of {backbone}: {searched} of its {all} convolutions are searched.
#
# The first pattern that matches a layer's name wins; a layer that none matches stays plain.
{comments}
# A range is {{low, high, log}}; a bare number is fixed.

version: 1
backbone: "{backbone}"
granularity: {space.granularity}            # layer | stage | network: who shares a choice
# Factor on what every layer keeps (which does not fall below its own low), because the independent choices of
# many layers average out: nearly all random models would have one size.
shrink: {shrink}
layers:
{layers}
# The loss that layers add, such as LinearConv's on the correlation of its primary filters; "off: true" lets
# the search switch it off.
regularizer: {{weight: {weight}, off: {off}}}
# Fields of the recipe, fixed or searched, such as {{lr: {{low: 0.01, high: 0.2, log: true}}}}.
train: {{}}
"""


def to_yaml(backbone: str, bound: BoundSpace) -> str:
    """The text of an editable space file.

    Args:
        backbone: A name that ``lcsearch.nets.backbones.build`` takes. Ours have a space file of their own,
            which is given with a list of the layers; for others every convolution is named.
        bound: The backbone's default space, bound to it.
    """
    shapes = bound.shapes(bound.thinning.full)
    if backbone in space_names() and backbone != GENERIC:
        own = (space_folder() / f"{backbone}.yaml").read_text(encoding="utf-8").rstrip()
        listed = "\n".join(f"#   {name}: {_size(shape)}" for name, shape in shapes.items())
        return f"{own}\n\n# The convolutions of {backbone}, in order:\n{listed}\n"
    space = bound.space
    return _TEXT.format(
        backbone=backbone,
        searched=len(bound.searched_layers),
        all=len(shapes),
        space=space,
        comments="\n".join(_comments(bound)),
        shrink=space.shrink,
        layers="\n".join(_rows(bound)),
        weight=space.regularizer.weight,
        off=str(space.regularizer.off).lower(),
    )


def _comments(bound: BoundSpace) -> Iterator[str]:
    """What the keys of a rule mean: those of the families that are searched, beside those of all."""
    kinds = ", ".join((lookup.PLAIN, *bound.families))
    yield from _comment("kind", f"One or several of {kinds}; {lookup.PLAIN} is the plain convolution.")
    of_all = LayerRule.model_fields
    fields: dict[str, FieldInfo] = {key: of_all[key] for key in ("channels", "round_to")}
    for family in bound.families:
        fields |= (lookup.family(family).rule or Rule).model_fields
    for key, field in fields.items():
        left_out = "" if field.default is None else f" Left out: {_flow(field.default)}."
        yield from _comment(key, f"{field.description}{left_out}")


def _comment(key: str, text: str) -> list[str]:
    return wrap(text, 110, initial_indent=f"# {key:<13} ", subsequent_indent="#" + 15 * " ")


def _rows(bound: BoundSpace) -> Iterator[str]:
    searched, shapes = set(bound.searched_layers), bound.shapes(bound.thinning.full)
    for name, shape in shapes.items():
        found = bound.space.rule_for(name)
        kinds: dict[str, Any] = {"kind": [lookup.PLAIN]}
        if found and name in searched:
            kinds = _kinds(found[1], shape, single=name in bound.bonds.left)
        why = "" if name in searched else _why_plain(bound, name)
        yield f'  "{name}": {_row(found and found[1], kinds)}  # {_size(shape)}{why}'
    for group in bound.thinning.groups:
        for name in group.makers:
            found = bound.space.rule_for(name)
            if name not in shapes and found is not None and found[1].channels.low < 1:
                yield f'  "{name}": {_row(found[1], {})}  # {group.size} channels'


def _kinds(rule: LayerRule, shape: ConvShape, single: bool) -> dict[str, Any]:
    """What a rule says of the families that a convolution can be of, which may have nobody to share with."""
    families = [lookup.family(kind) for kind in rule.kind]
    able = [family for family in families if family.refuses(shape) is None]
    kinds = [family.name for family in able if not (single and family.pairs)]
    shown: dict[str, Any] = {"kind": kinds}
    for kind, own in rule.offered.items():
        if kind in kinds:
            shown |= own.shown()
    return shown


def _row(rule: LayerRule | None, shown: dict[str, Any]) -> str:
    """A rule in one line: what it says of channels, where it lets some go, and of families."""
    if rule is not None and rule.channels.low < 1:
        shown |= {"channels": rule.channels, "round_to": rule.round_to}
    return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in shown.items()) + "}"


def _flow(value: object) -> str:
    return "[" + ", ".join(value) + "]" if isinstance(value, list) else str(value)


def _size(shape: ConvShape) -> str:
    kernel = "x".join(map(str, shape.kernel))
    groups = f" in {shape.groups} groups" if shape.groups > 1 else ""
    return f"{shape.in_channels} -> {shape.out_channels}, {kernel}{groups}, {shape.params:,} parameters"


def _why_plain(bound: BoundSpace, name: str) -> str:
    """Why a layer is not searched, where a number decided."""
    ends = [bound.shapes(bound.thinning.least), bound.shapes(bound.thinning.most)]
    if not saves(name, LayerRule(), ends):
        return "; nothing to save"
    least = bound.space.min_share * sum(shape.params for shape in ends[-1].values())
    return "; too small to matter" if ends[-1][name].params < least else ""
