"""What was seen of candidates before one of them was trained, as plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Looked:
    """A candidate that was cut out before one of several was chosen to be trained.

    Attributes:
        params: Numbers that it must store.
        accuracy: Before any training, in percent of as many training images as are named.
        images: Images that it was judged by: fewer than all for one that was left behind.
    """

    params: int
    accuracy: float
    images: int


@dataclass(frozen=True, slots=True)
class Screened:
    """What was seen of models that were cut out before one of them was chosen to be trained.

    Attributes:
        accuracy: That of the chosen one before any training, in percent of training images that nothing was
            fitted to; None where it trains from scratch.
        models: Models that were cut out, the chosen one among them.
        images: Images that went forward through a net for all of them; one pass back counts as two forward.
        looked: Each of those models, where one of several was chosen; empty in records of older versions.
    """

    accuracy: float | None
    models: int
    images: int
    looked: tuple[Looked, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Screened:
        """Out of plain data, as `dataclasses.asdict` makes it."""
        looked = tuple(Looked(**one) for one in plain.get("looked", ()))
        return cls(plain["accuracy"], plain["models"], plain["images"], looked)

    def epochs(self, train_images: int) -> float:
        """What that cost, in epochs: a training step goes forward and, at twice the price, back."""
        return self.images / (3 * train_images)
