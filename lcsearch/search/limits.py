"""Sizes above which nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes above which a spec is rejected untrained; None for no limit."""

    max_params: int | None = None
    max_macs: int | None = None

    def violations(self, params: int, macs: int) -> dict[str, float]:
        """By limit: the excess as a share of it; at most 0 where it is kept."""
        found = {}
        if self.max_params is not None:
            found["max_params"] = params / self.max_params - 1
        if self.max_macs is not None:
            found["max_macs"] = macs / self.max_macs - 1
        return found
