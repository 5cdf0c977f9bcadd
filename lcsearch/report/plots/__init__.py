"""The plots of a run, one file each: the file's name is what ``lcsearch report --plot`` takes."""

from __future__ import annotations

from lcsearch.core import plugins

ORDER = (
    "front", "front-macs", "front-trainable", "screening", "layers", "importance", "parallel",
    "learning", "hypervolume", "hypervolume-time", "timeline", "profile",
)  # fmt: skip
"""Their order on the page; other people's come after them."""


def names() -> tuple[str, ...]:
    """Return the name of every plot there is, in the order of the page; nothing is imported."""
    return (*ORDER, *(name for name in plugins.names(plugins.PLOT) if name not in ORDER))
