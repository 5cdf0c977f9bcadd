"""Thinner layers: which channels of a net belong together, and a net without some of them.

A layer's output channels are what the next layers read, what a batch norm scales, and what a shortcut adds to
those of another layer. All that must lose a channel together is a group, kept as plain data: which tensor,
which dimension, which places.
"""

from lcsearch.nets.channels.find import find_groups, groups_of, image_of
from lcsearch.nets.channels.groups import ChannelGroup, ChannelGroups, Cut, Whole, count_at
from lcsearch.nets.channels.thin import thin
from lcsearch.nets.channels.verify import verified

__all__ = [
    "ChannelGroup",
    "ChannelGroups",
    "Cut",
    "Whole",
    "count_at",
    "find_groups",
    "groups_of",
    "image_of",
    "thin",
    "verified",
]
