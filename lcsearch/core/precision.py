"""Which arithmetic pays for a net on a machine: what was measured, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from lcsearch.core.checked import Checked
from lcsearch.core.spec import Precision

CLEARLY = 1.15
"""Times as fast as in float32 that a step must be in bfloat16: less is within what times scatter by."""


@dataclass(frozen=True, slots=True)
class StepTimes(Checked):
    """What a training step of the plain net takes, in either precision.

    Attributes:
        where: The processor or GPU.
        threads: CPU threads; 0 on a GPU.
        images: Images of a step.
        float32: Seconds in float32, the least of several; None where they were not measured.
        bfloat16: Likewise in bfloat16 autocast.
        problem: Why bfloat16 will not do, in a few words after the net's name; empty where it will.
    """

    where: str
    threads: Annotated[int, Ge(0)]
    images: Annotated[int, Ge(1)]
    float32: Annotated[float, Gt(0)] | None = None
    bfloat16: Annotated[float, Gt(0)] | None = None
    problem: str = ""

    @property
    def speedup(self) -> float:
        """How many times as fast a step is in bfloat16; 0 where that was not measured."""
        return self.float32 / self.bfloat16 if self.float32 and self.bfloat16 else 0.0

    @property
    def chosen(self) -> Precision:
        """The precision to train in."""
        return "bfloat16" if not self.problem and self.speedup >= CLEARLY else "float32"

    def words(self, net: str) -> str:
        """The choice and its reason in a line.

        Args:
            net: What the plain net is called.
        """
        threads = f", {self.threads} thread{'s' * (self.threads > 1)}" if self.threads else ""
        at = f"{self.where}{threads}, {self.images} images"
        if self.problem:
            return f"precision float32: in bfloat16 {net} {self.problem} ({at})"
        least = "" if self.chosen == "bfloat16" else f"; it is taken from {CLEARLY} on"
        times = f"a training step of {net} is {self.speedup:.2f} times as fast in bfloat16"
        return f"precision {self.chosen}: {times} ({at}){least}"
