"""What a space may say about separable layers; apart from the family, which is read without pydantic."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lcsearch.core.ranges import Count, Share
from lcsearch.core.strict import Names
from lcsearch.layers.offer import Rule

_RATIOS = Share(low=0.1, high=0.5, log=True)


class SeparableRule(Rule):
    """What a space may say about separable layers."""

    terms: Count = Field(
        default=Count(low=1, high=3),
        description="Spatial blueprints that a filter is the sum of, at least 1; as many as a kernel has "
        "numbers make a plain convolution.",
    )
    pointwise: Names[Literal["full", "low_rank"]] = Field(
        default=["full"],
        description="What spreads a blueprint over the input channels: full, or low_rank (with "
        "pointwise_rank_ratio); one or both.",
    )
    pointwise_rank_ratio: Share = Field(default=_RATIOS, description="Rank / input channels, in (0, 1].")

    def shown(self) -> dict[str, Any]:
        """Terms and pointwise, and the rank ratio where it matters and is not as if it were left out."""
        shown: dict[str, Any] = {"terms": self.terms, "pointwise": self.pointwise}
        if "low_rank" in self.pointwise and self.pointwise_rank_ratio != _RATIOS:
            shown["pointwise_rank_ratio"] = self.pointwise_rank_ratio
        return shown
