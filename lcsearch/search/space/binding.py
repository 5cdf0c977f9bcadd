"""From a validated space and a backbone to the choices that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import ModelSpec
from lcsearch.core.strict import format_path
from lcsearch.core.text import listed
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.bound import BoundSpace, Width
from lcsearch.search.space.groups import Group
from lcsearch.search.space.rule import LayerRule
from lcsearch.search.space.schema import Space
from lcsearch.search.space.stages import stages

if TYPE_CHECKING:
    from torch import nn

WIDTH_STEP = 1 / 64
"""Widths are multiples of this, so that the same net is proposed again instead of a near twin."""


def bind(
    space: Space, model: nn.Module, template: ModelSpec, build: Callable[[float], nn.Module] | None = None
) -> BoundSpace:
    """Bind a space to a backbone.

    Args:
        space: The space.
        model: The plain backbone at ``template.width``; the meta device is enough.
        template: Backbone, classes and channels of every spec to come; its layers are not looked at.
        build: The plain backbone at another width; by default the template's is built on the meta device.

    Raises:
        InputError: The space names layers that the backbone lacks, or a width that it cannot have.
    """
    from lcsearch.nets.replaceable import left_plain, tied

    here = _measure(model)

    @cache
    def measured(width: float) -> tuple[Shapes, int]:
        if width == template.width:
            return here
        return _measure(build(width) if build else _build(template, width))

    width = Width(space.width, WIDTH_STEP)
    ends = [measured(width.values[0])[0], measured(width.values[-1])[0]]
    firsts = {other: name for name, others in tied(model).items() for other in others}
    rules = _rules(space, here[0], {left.name: left.why for left in left_plain(model)}, firsts)
    names = [name for name in rules if _worth(space, name, rules[name][1], ends)]
    groups = tuple(_groups(space, model, {name: rules[name] for name in names}, ends[-1]))
    plain = replace(template, layers={})
    return BoundSpace(space, plain, groups, width, lambda at: measured(at)[0], lambda at: measured(at)[1])


def _measure(model: nn.Module) -> tuple[Shapes, int]:
    """The shapes of the convolutions, and the parameters of everything else."""
    from lcsearch.nets.replaceable import conv_layers, shape_of

    convs = conv_layers(model)
    inside = {parameter for conv in convs.values() for parameter in conv.parameters()}
    other = sum(parameter.numel() for parameter in model.parameters() if parameter not in inside)
    return {name: shape_of(conv) for name, conv in convs.items()}, other


def _build(template: ModelSpec, width: float) -> nn.Module:
    import torch

    from lcsearch.nets.surgery import build_model

    with torch.device("meta"):
        return build_model(replace(template, width=width, layers={}))


def _rules(
    space: Space, shapes: Shapes, plain: Mapping[str, str], firsts: Mapping[str, str]
) -> dict[str, tuple[str, LayerRule]]:
    """The pattern and the rule of every convolution that a pattern matches.

    Args:
        space: The space.
        shapes: The convolutions that have a choice.
        plain: Those that cannot be replaced, and why they stay plain.
        firsts: Those that share the weight of one that has a choice, and its name.
    """
    if not shapes:
        whys = listed([f"{name}: {why}" for name, why in plain.items()])
        problem = "the net has no convolution that could be replaced" + (f" ({whys})" if whys else "")
        raise InputError(problem, setting="backbone")
    for pattern in space.layers:
        if not set(pattern) & set("*?[") and pattern not in shapes:
            path = format_path(("layers", pattern))
            problem = "the net has no such convolution"
            if pattern in plain:
                problem = f"this convolution stays plain: {plain[pattern]}"
            elif pattern in firsts:
                problem = f"it shares its weight with {firsts[pattern]}, whose choice is for both"
            raise InputError(f"{path}: {problem}; {did_you_mean(pattern, shapes)}", setting="space")
    found = ((name, space.rule_for(name)) for name in shapes)
    return {name: rule for name, rule in found if rule is not None}


def _worth(space: Space, name: str, rule: LayerRule, ends: list[Shapes]) -> bool:
    """Whether a convolution is big enough to be searched, and some choice saves parameters for it alone."""
    largest = {layer: shape.params for layer, shape in ends[-1].items()}
    if largest[name] < space.min_share * sum(largest.values()):
        return False
    return saves(name, rule, ends)


def saves(name: str, rule: LayerRule, ends: list[Shapes]) -> bool:
    """Whether some choice saves parameters for a convolution alone.

    Args:
        name: Its module name.
        rule: What it may become.
        ends: The shapes of all convolutions at the smallest and the largest width.
    """
    alone = Group.make(name, rule, {name: ends[-1][name]})
    return bool(alone.offers) and any(alone.layers(alone.extreme(end, "smallest"), end) for end in ends)


def _groups(
    space: Space, model: nn.Module, rules: Mapping[str, tuple[str, LayerRule]], shapes: Shapes
) -> list[Group]:
    """Who shares a choice: members of one stage (or the network) that match one pattern."""
    if space.granularity == "layer":
        return [Group.make(name, rule, {name: shapes[name]}) for name, (_, rule) in rules.items()]
    stage_of = stages(model, list(rules)) if space.granularity == "stage" else dict.fromkeys(rules, "network")
    members: dict[tuple[str, str], list[str]] = {}
    for name, (pattern, _) in rules.items():
        members.setdefault((stage_of[name], pattern), []).append(name)
    stages_seen = [stage for stage, _ in members]
    return [
        Group.make(
            stage if stages_seen.count(stage) == 1 else f"{stage}[{pattern}]",
            space.layers[pattern],
            {name: shapes[name] for name in names},
        )
        for (stage, pattern), names in members.items()
    ]
