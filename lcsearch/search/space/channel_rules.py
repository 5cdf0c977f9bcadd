"""What the rules of a space allow each group of channels, and which groups share a choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lcsearch.core.errors import InputError
from lcsearch.core.parameters import Number
from lcsearch.core.ranges import Share
from lcsearch.core.strict import format_path
from lcsearch.search.space.alike import Allowed, thinned_alike, tied
from lcsearch.search.space.rule import ALL, LayerRule
from lcsearch.search.space.schema import Space
from lcsearch.search.space.thin_sizes import ThinSizes
from lcsearch.search.space.thinning import ChannelChoice, Thinning, allowed

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.nets.channels import ChannelGroup, ChannelGroups

StageOf = Callable[[Sequence[str]], Mapping[str, str]]
"""The stages of layers, by their names."""


def searched(
    space: Space, model: nn.Module, found: ChannelGroups, image_size: tuple[int, int], stage_of: StageOf
) -> Thinning:
    """What a space searches of a net's channels.

    Args:
        space: The space.
        model: The plain net; the meta device is enough.
        found: Its groups.
        image_size: Height and width of the images on which they were found.
        stage_of: Gives first makers their stages; asked only where a stage shares a choice.

    Raises:
        InputError: The rules of one group leave nothing that all of them allow.
    """
    sizes = ThinSizes(model, found.groups)
    rules, firsts = thinned_alike([_allowed(space, group) for group in found.groups], tied(space, sizes))
    return Thinning(
        found,
        tuple(_choices(space, found.groups, rules, stage_of, firsts)),
        most=tuple(rule.counts[-1] for rule in rules),
        least=tuple(rule.counts[0] for rule in rules),
        sizes=sizes,
        image_size=image_size,
    )


def _allowed(space: Space, group: ChannelGroup) -> Allowed:
    """What all makers of a group allow; a maker that keeps all keeps the group."""
    rules = [space.rule_for(name) for name in group.makers]
    named = [rule for rule in rules if rule is not None]
    if len(named) < len(rules) or any(rule.channels.low == 1 for _, rule in named):
        return Allowed(ALL, (group.size,))
    channels = _common(group, named)
    step = math.lcm(group.blocks, *(rule.round_to for _, rule in named))
    try:
        return Allowed(channels, allowed(channels, group.size, step))
    except ValueError as error:
        pattern = max(named, key=lambda one: one[1].round_to)[0]
        path = format_path(("layers", pattern, "round_to"))
        problem = f"{path}: {step} leaves no channel of {group.name}: {error}"
        raise InputError(problem, setting="space") from None


def _common(group: ChannelGroup, rules: Sequence[tuple[str, LayerRule]]) -> Share:
    """The shares that all rules of a group allow."""
    (above, low), (below, high) = (
        max(rules, key=lambda one: one[1].channels.low),
        min(rules, key=lambda one: one[1].channels.high),
    )
    if low.channels.low > high.channels.high:
        path = format_path(("layers", below, "channels"))
        other = format_path(("layers", above, "channels"))
        problem = (
            f"{path}: {high.channels} has nothing in common with {other}, {low.channels}, but "
            f"{' and '.join(group.makers)} share their channels"
        )
        raise InputError(problem, setting="space")
    log = any(rule.channels.log for _, rule in rules)
    return Share(low=low.channels.low, high=high.channels.high, log=log)


def _choices(
    space: Space,
    groups: Sequence[ChannelGroup],
    rules: Sequence[Allowed],
    stage_of: StageOf,
    firsts: Mapping[int, int],
) -> list[ChannelChoice]:
    """One choice a group, or for groups of one stage (or the network) whose rules allow the same shares.

    Those that are to be thinned alike have the stage, or the name, of the first of them (``firsts``).
    """
    places = [place for place, rule in enumerate(rules) if len(rule.counts) > 1]
    sharers = _sharers(space, [groups[place].name for place in places], stage_of)
    members: dict[tuple[str, str], list[int]] = {}
    for place in places:
        name = groups[firsts.get(place, place)].name
        members.setdefault((sharers[name], str(rules[place].channels)), []).append(place)
    names = [sharer for sharer, _ in members]
    return [
        ChannelChoice(
            name := sharer if names.count(sharer) == 1 else f"{sharer}[{groups[own[0]].name}]",
            tuple(own),
            Number(f"{name}/channels", rules[own[0]].channels),
            tuple(groups[place].size for place in own),
            tuple(rules[place].counts for place in own),
        )
        for (sharer, _), own in members.items()
    ]


def _sharers(space: Space, names: Sequence[str], stage_of: StageOf) -> Mapping[str, str]:
    """What each group's choice is named after, by the group's name."""
    if space.granularity == "layer":
        return {name: name for name in names}
    return stage_of(names) if space.granularity == "stage" else dict.fromkeys(names, "network")
