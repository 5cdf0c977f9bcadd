"""Some images of a part of a data set, of which nothing is decoded yet."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lcsearch.data.dataset import Listing, Raw, Split


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some images of a part as it was read.

    Attributes:
        raw: The part.
        indices: Which images, int64 (n,).
    """

    raw: Raw
    indices: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> Tensor:
        """Their labels, int64 (n,)."""
        return self.raw.labels[self.indices]

    def decoded(self, size: int) -> Split:
        """Their pixels and labels."""
        return Split(self.raw.take(self.indices, size), self.labels)

    def listing(self) -> Listing:
        """What is known of them without their pixels."""
        return self.raw.listing(self.indices)
