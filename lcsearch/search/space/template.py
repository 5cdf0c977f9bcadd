"""A space file to edit, with comments, for any backbone."""

from __future__ import annotations

from collections.abc import Iterator

from lcsearch.core.spec import LayerSpec
from lcsearch.layers.arithmetic import ConvShape, params
from lcsearch.search.space.bound import BoundSpace
from lcsearch.search.space.files import GENERIC, space_folder, space_names
from lcsearch.search.space.groups import Group
from lcsearch.search.space.schema import LayerRule

_TEXT = """\
# The search space of {backbone}: {searched} of its {all} convolutions are searched.
#
# The first pattern that matches a layer's name wins; a layer that none matches stays plain.
# kind          [conv] stays a plain convolution, [linear] is LinearConv, both: the search decides.
# alpha         Primary filters / all filters, in (0, 1]; 1 is a plain convolution.
# coefficients  full, low_rank (with rank or rank_ratio) or sparse (with sparsity); one or several.
# A range is {{low, high, log}}; a bare number is fixed. Left out, the last two are
#               rank_ratio: {ranks} and sparsity: {sparsity}.

version: 1
backbone: "{backbone}"
granularity: {space.granularity}            # layer | stage | network: who shares a choice
# Every sampled alpha is multiplied by this common factor (it does not fall below its own low), because the
# independent alphas of many layers average out: nearly all random models would have one size.
shrink: {shrink}
layers:
{layers}
# The loss on the correlation of primary filters; "off: true" lets the search switch it off.
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
        ranks=_flow(LayerRule().ranks.model_dump()),
        sparsity=_flow(LayerRule().sparsity.model_dump()),
        shrink=_flow(space.shrink.model_dump()),
        layers="\n".join(_rows(bound)),
        weight=_flow(space.regularizer.weight.model_dump()),
        off=str(space.regularizer.off).lower(),
        width=_flow(space.width.model_dump()),
    )


def _rows(bound: BoundSpace) -> Iterator[str]:
    searched = set(bound.searched_layers)
    for name, shape in bound.shapes(bound.width.values[-1]).items():
        found = bound.space.rule_for(name)
        row = _rule(found[1]) if found and name in searched else "{kind: [conv]}"
        why = "" if name in searched else _why_plain(bound, name, shape)
        yield f'  "{name}": {row}  # {_size(shape)}{why}'


def _rule(rule: LayerRule) -> str:
    """A rule in one line; a rank ratio or a sparsity that is the default is left out."""
    plain = rule.model_dump(include={"kind", "alpha", "coefficients"})
    if "low_rank" in rule.coefficients and rule.ranks != LayerRule().ranks:
        plain["rank" if rule.rank else "rank_ratio"] = rule.ranks.model_dump()
    if "sparse" in rule.coefficients and rule.sparsity != LayerRule().sparsity:
        plain["sparsity"] = rule.sparsity.model_dump()
    return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in plain.items()) + "}"


def _flow(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    if not isinstance(value, dict):
        return str(value)
    if value["low"] == value["high"]:
        return str(value["low"])
    log = ", log: true" if value["log"] else ""
    return f"{{low: {value['low']}, high: {value['high']}{log}}}"


def _size(shape: ConvShape) -> str:
    kernel = "x".join(map(str, shape.kernel))
    groups = f" in {shape.groups} groups" if shape.groups > 1 else ""
    count = params(shape, LayerSpec("conv"))
    return f"{shape.in_channels} -> {shape.out_channels}, {kernel}{groups}, {count:,} parameters"


def _why_plain(bound: BoundSpace, name: str, shape: ConvShape) -> str:
    """Why a layer is not searched, where a number decided."""
    rule = LayerRule()
    alone = Group(name, rule, (name,))
    shapes = {name: shape}
    hopeless = not alone.layers(alone.extreme(shapes, "smallest"), shapes)
    return "; nothing to save" if hopeless else "; too small to matter" if bound.space.min_share else ""
