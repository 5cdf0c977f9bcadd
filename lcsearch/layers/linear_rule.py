"""What a space may say about LinearConv layers; apart from the family, which is read without pydantic."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from lcsearch.core.ranges import Count, FloatRange, Share
from lcsearch.core.strict import Names, problem
from lcsearch.layers.offer import Rule

_RATIOS = Share(low=0.05, high=0.5, log=True)


class Sparsity(FloatRange):
    """A number in [0, 1)."""

    allowed: ClassVar[str] = "in [0, 1)"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is in [0, 1)."""
        return 0 <= value < 1


class LinearRule(Rule):
    """What a space may say about LinearConv layers."""

    alpha: Share = Field(
        default=Share(low=0.015625, high=1.0, log=True),
        description="Primary filters / all filters, in (0, 1]; 1 is a plain convolution.",
    )
    coefficients: Names[Literal["full", "low_rank", "sparse"]] = Field(
        default=["full"],
        description="full, low_rank (with rank or rank_ratio) or sparse (with sparsity); one or several.",
    )
    rank_ratio: Share | None = Field(
        default=None, description=f"Rank / primary filters, in (0, 1]. Left out, as rank is: {_RATIOS}."
    )
    rank: Count | None = Field(default=None, description="Rank, at least 1; in place of rank_ratio.")
    sparsity: Sparsity = Field(
        default=Sparsity(low=0.25, high=0.9), description="Share of coefficients that is zero, in [0, 1)."
    )

    @model_validator(mode="after")
    def _one_rank(self) -> LinearRule:
        if self.rank is not None and self.rank_ratio is not None:
            raise problem("rank and rank_ratio exclude each other; write one of them", ("rank",))
        return self

    @property
    def ranks(self) -> Share | Count:
        """The range that decides the rank of low-rank coefficients."""
        return self.rank or self.rank_ratio or _RATIOS

    def shown(self) -> dict[str, Any]:
        """Alpha and coefficients, and what else matters for these where it is not as if it were left out."""
        shown: dict[str, Any] = {"alpha": self.alpha, "coefficients": self.coefficients}
        if "low_rank" in self.coefficients and self.ranks != _RATIOS:
            shown["rank" if self.rank else "rank_ratio"] = self.ranks
        if "sparse" in self.coefficients and self.sparsity != LinearRule().sparsity:
            shown["sparsity"] = self.sparsity
        return shown
