"""A space file to edit, with comments, for any backbone."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

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
# Factor on all channel counts, fixed or searched, where the net takes a width.
width: {width}
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
    shapes = bound.shapes(bound.width.values[-1])
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
        width=space.width,
    )


def _comments(bound: BoundSpace) -> Iterator[str]:
    """What the keys of a rule mean: those of the families that are searched."""
    kinds = ", ".join((lookup.PLAIN, *bound.families))
    yield from _comment("kind", f"One or several of {kinds}; {lookup.PLAIN} is the plain convolution.")
    fields: dict[str, FieldInfo] = {}
    for family in bound.families:
        fields |= (lookup.family(family).rule or Rule).model_fields
    for key, field in fields.items():
        left_out = "" if field.default is None else f" Left out: {_flow(field.default)}."
        yield from _comment(key, f"{field.description}{left_out}")


def _comment(key: str, text: str) -> list[str]:
    return wrap(text, 110, initial_indent=f"# {key:<13} ", subsequent_indent="#" + 15 * " ")


def _rows(bound: BoundSpace) -> Iterator[str]:
    searched = set(bound.searched_layers)
    for name, shape in bound.shapes(bound.width.values[-1]).items():
        found = bound.space.rule_for(name)
        row = _rule(found[1]) if found and name in searched else "{kind: [conv]}"
        why = "" if name in searched else _why_plain(bound, name)
        yield f'  "{name}": {row}  # {_size(shape)}{why}'


def _rule(rule: LayerRule) -> str:
    """A rule in one line."""
    shown = {"kind": rule.kind}
    for own in rule.offered.values():
        shown |= own.shown()
    return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in shown.items()) + "}"


def _flow(value: object) -> str:
    return "[" + ", ".join(value) + "]" if isinstance(value, list) else str(value)


def _size(shape: ConvShape) -> str:
    kernel = "x".join(map(str, shape.kernel))
    groups = f" in {shape.groups} groups" if shape.groups > 1 else ""
    return f"{shape.in_channels} -> {shape.out_channels}, {kernel}{groups}, {shape.params:,} parameters"


def _why_plain(bound: BoundSpace, name: str) -> str:
    """Why a layer is not searched, where a number decided."""
    ends = [bound.shapes(bound.width.values[place]) for place in (0, -1)]
    if not saves(name, LayerRule(), ends):
        return "; nothing to save"
    least = bound.space.min_share * sum(shape.params for shape in ends[-1].values())
    return "; too small to matter" if ends[-1][name].params < least else ""
