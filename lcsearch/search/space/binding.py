"""From a validated space and a backbone to the choices that there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import ModelSpec
from lcsearch.core.strict import format_path
from lcsearch.core.text import listed
from lcsearch.layers import lookup
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.search.space.bonds import Bond, Bonds, find_bonds
from lcsearch.search.space.bound import BoundSpace
from lcsearch.search.space.channel_rules import StageOf, searched
from lcsearch.search.space.common import Common
from lcsearch.search.space.groups import Group
from lcsearch.search.space.joint import Joint
from lcsearch.search.space.rule import LayerRule
from lcsearch.search.space.schema import Space
from lcsearch.search.space.stages import IMAGE_SIZES, stages
from lcsearch.search.space.thinning import Thinning, nothing

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.nets.channels import ChannelGroups

Image = tuple[int, int, int]
_NO_GAIN = "it would save nothing"


def bind(space: Space, model: nn.Module, template: ModelSpec, image: Image | None = None) -> BoundSpace:
    """Bind a space to a backbone.

    Args:
        space: The space.
        model: The plain backbone at ``template.width``; the meta device is enough.
        template: Backbone, classes and channels of every spec to come; its layers are not looked at.
        image: Channels, height and width of the images, on which the net is run where channels may go; None
            for images of the first usual size that it takes.

    Raises:
        InputError: The space names layers that the backbone lacks, or what it says of channels that belong
            together leaves nothing.
    """
    from lcsearch.nets.replaceable import left_plain, tied

    @cache
    def all_channels() -> Thinning:
        return searched(space, model, *_channels(model, template, image), _stage_of(space, model))

    thinning = all_channels() if space.thins else nothing(model)
    ends = [thinning.shapes(thinning.least), thinning.shapes(thinning.most)]
    bonds = find_bonds(space, thinning.shapes(thinning.full), thinning.follows)
    firsts = {other: name for name, others in tied(model).items() for other in others}
    makers = {maker for group in thinning.groups for maker in group.makers}
    plain = {left.name: left.why for left in left_plain(model)}
    rules = _rules(space, ends[-1], plain, firsts, makers, bonds.left)
    groups = _all_groups(space, rules, bonds, ends, _sharers_of(space, model))
    return BoundSpace(
        space,
        replace(template, layers={}, channels={}, image_size=None),
        Common.of(space),
        tuple(groups),
        thinning,
        all_channels,
        _of_use(bonds, groups),
    )


def _all_groups(
    space: Space,
    rules: Mapping[str, tuple[str, LayerRule]],
    bonds: Bonds,
    ends: list[Shapes],
    sharers_of: StageOf,
) -> list[Group]:
    """Who shares a choice, as far as it saves something, in module order of first layers."""
    joints = [joint for bond in bonds.found if _saves((joint := _joint(space, bond, ends[-1])).offers, ends)]
    taken = {name for joint in joints for name in joint.members}
    names = [name for name in rules if name not in taken and _worth(space, name, rules[name][1], ends)]
    groups = _groups(space, {name: rules[name] for name in names}, ends[-1], sharers_of)
    if not joints:
        return groups
    order = list(ends[-1])
    return sorted([*groups, *joints], key=lambda group: order.index(group.members[0]))


def _of_use(bonds: Bonds, groups: Sequence[Group]) -> Bonds:
    """Layers that choose together, without those that would save nothing so."""
    names = {group.name for group in groups if isinstance(group, Joint)}
    useless = [name for bond in bonds.found for name in bond.members if bond.members[0] not in names]
    used = tuple(bond for bond in bonds.found if bond.members[0] in names)
    return bonds._replace(found=used, left=dict(bonds.left) | dict.fromkeys(useless, _NO_GAIN))


def _channels(
    model: nn.Module, template: ModelSpec, image: Image | None
) -> tuple[ChannelGroups, tuple[int, int]]:
    """The groups that can lose channels, and the size of the images on which they were found."""
    import torch

    from lcsearch.nets.channels import ChannelGroups, find_groups, verified

    usual = ((template.in_channels, side, side) for side in IMAGE_SIZES)
    found, size = ChannelGroups(), (0, 0)
    for one in usual if image is None else [image]:
        found, size = find_groups(model, one), one[1:]
        if found.groups:
            with torch.device("cpu"):
                return verified(model, found, one), size
    return found, size


def _stage_of(space: Space, model: nn.Module) -> StageOf:
    """Gives layers their stages: of all convolutions where channels go, else of those asked for."""
    from torch.nn import Conv2d

    if not space.thins:
        return lambda names: stages(model, names)
    convs = [name for name, module in model.named_modules() if isinstance(module, Conv2d)]
    known = cache(lambda: stages(model, convs))
    return lambda names: {name: known().get(name, "other") for name in names}


def _rules(
    space: Space,
    shapes: Shapes,
    plain: Mapping[str, str],
    firsts: Mapping[str, str],
    makers: Collection[str],
    single: Mapping[str, str],
) -> dict[str, tuple[str, LayerRule]]:
    """The pattern and the rule of every convolution that a pattern matches.

    Args:
        space: The space.
        shapes: The convolutions that have a choice.
        plain: Those that cannot be replaced, and why they stay plain.
        firsts: Those that share the weight of one that has a choice, and its name.
        makers: Layers of any kind whose channels may go.
        single: Those that have nobody to share with, and why.
    """
    if not shapes:
        whys = listed([f"{name}: {why}" for name, why in plain.items()])
        problem = "the net has no convolution that could be replaced" + (f" ({whys})" if whys else "")
        raise InputError(problem, setting="backbone")
    for pattern, rule in space.layers.items():
        if rule.channels.low < 1 and pattern in makers:
            continue
        if not set(pattern) & set("*?[") and pattern not in shapes:
            path = format_path(("layers", pattern))
            problem = "the net has no such convolution"
            if pattern in plain:
                problem = f"this convolution stays plain: {plain[pattern]}"
            elif pattern in firsts:
                problem = f"it shares its weight with {firsts[pattern]}, whose choice is for both"
            raise InputError(f"{path}: {problem}; {did_you_mean(pattern, shapes)}", setting="space")
    asked = ((name, space.rule_for(name)) for name in shapes)
    found = {name: rule for name, rule in asked if rule is not None}
    for name, (pattern, own) in found.items():
        if pattern == name:
            _check_possible(name, own, shapes[name], single.get(name))
    return found


def _check_possible(name: str, rule: LayerRule, shape: ConvShape, single: str | None) -> None:
    """Make sure that a convolution can be of some kind that its own rule, which names it, allows."""
    if lookup.PLAIN in rule.kind:
        return
    families = [lookup.family(kind) for kind in rule.kind]
    whys = {family.name: family.refuses(shape) or (single if family.pairs else None) for family in families}
    if all(why is not None for why in whys.values()):
        said = ", ".join(f"{why}, so it cannot be {kind}" for kind, why in whys.items())
        path = format_path(("layers", name, "kind"))
        raise InputError(f"{path}: {said}; write {lookup.PLAIN}", setting="space")


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
        ends: The shapes of all convolutions with the fewest and the most channels.
    """
    return _saves(Group.make(name, rule, {name: ends[-1][name]}).offers, ends)


def _saves(offers: Mapping[str, Offer[Any, Any]], ends: list[Shapes]) -> bool:
    """Whether some choice saves parameters."""
    smallest = ((offer, offer.extreme(end, "smallest"), end) for offer in offers.values() for end in ends)
    return any(offer.layers(own, end) for offer, own, end in smallest)


def _joint(space: Space, bond: Bond, shapes: Shapes) -> Joint:
    """The group of layers that choose together."""
    found = {name: space.rule_for(name) for name in bond.members}
    rules = {name: rule for name, rule in found.items() if rule is not None}
    where = dict.fromkeys(rules, bond.members[0])
    parts = tuple(_groups(space, rules, shapes, lambda _: where))
    return Joint.of(bond, parts, shapes, each=space.granularity == "layer")


def _sharers_of(space: Space, model: nn.Module) -> StageOf:
    """Gives layers what those have in common that share a choice, where some do."""
    if space.granularity == "network":
        return lambda names: dict.fromkeys(names, "network")
    return _stage_of(space, model)


def _groups(
    space: Space, rules: Mapping[str, tuple[str, LayerRule]], shapes: Shapes, stage_of: StageOf
) -> list[Group]:
    """Who shares a choice: members of one stage (or the network) that match one pattern."""
    if space.granularity == "layer":
        return [Group.make(name, rule, {name: shapes[name]}) for name, (_, rule) in rules.items()]
    where = stage_of(list(rules))
    members: dict[tuple[str, str], list[str]] = {}
    for name, (pattern, _) in rules.items():
        members.setdefault((where[name], pattern), []).append(name)
    stages_seen = [stage for stage, _ in members]
    return [
        Group.make(
            stage if stages_seen.count(stage) == 1 else f"{stage}[{pattern}]",
            space.layers[pattern],
            {name: shapes[name] for name in names},
        )
        for (stage, pattern), names in members.items()
    ]
