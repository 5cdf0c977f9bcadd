"""What ``lcsearch profile`` takes of a family's own numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """What ``lcsearch profile`` takes for all layers: a number, such as ``--alpha``, or one of some words.

    Attributes:
        name: As Python writes it.
        kind: Whole, real, a flag, or a word.
        low: The least number that is allowed.
        high: The most.
        allowed: Both ends in words: ``above 0 and at most 1``.
        help: For the command's help.
        required: Whether the family needs it.
        instead_of: Name of the required one in whose place it may be given.
        of_weights: Whether it means trained weights.
        choices: The words that are allowed.
    """

    name: str
    kind: type[int] | type[float] | type[bool] | type[str]
    low: float = -math.inf
    high: float = math.inf
    allowed: str = ""
    help: str = ""
    required: bool = False
    instead_of: str = ""
    of_weights: bool = False
    choices: tuple[str, ...] = ()
