"""What a space may say of layers that share filters; apart from the family, read without pydantic."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lcsearch.core.ranges import FloatRange, Share
from lcsearch.core.strict import Names
from lcsearch.layers.offer import Rule


class Part(FloatRange):
    """A number in [0, 1]."""

    allowed: ClassVar[str] = "in [0, 1]"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is in [0, 1]."""
        return 0 <= value <= 1


class SharedRule(Rule):
    """What a space may say about layers that share filters."""

    share_by: Names[Literal["stage", "position", "none"]] = Field(
        default=["stage", "position", "none"],
        description="Who shares filters: stage (all layers of a stage that have one shape), position (those "
        "at one position of its blocks) or none (each is of another kind); one or several.",
    )
    shared: Share = Field(
        default=Share(low=0.015625, high=0.5, log=True),
        description="Filters that layers share, as a share of the most that there can be, in (0, 1]: the "
        "numbers of a filter.",
    )
    unique: Part = Field(
        default=Part(low=0.0, high=0.25),
        description="Filters that each has beside them, as a share of the most that are of use, in [0, 1]: "
        "the smaller of output channels and numbers of a filter.",
    )

    def shown(self) -> dict[str, Any]:
        """All of it."""
        return {"share_by": self.share_by, "shared": self.shared, "unique": self.unique}
