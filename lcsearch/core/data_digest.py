"""What run.yaml says of the images that a run was made with, so that later commands notice other ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from lcsearch.core.checked import Checked


@dataclass(frozen=True, slots=True)
class PartDigest(Checked):
    """One part of the images.

    Attributes:
        images: How many.
        listed: Digest of their names and labels in order; of what is never decoded also of the files' sizes.
        pixels: Digest of their labels and decoded pixels in order; empty where no pixel was looked at.
    """

    images: Annotated[int, Ge(0)]
    listed: str
    pixels: str = ""


@dataclass(frozen=True, slots=True)
class DataDigest(Checked):
    """All of a data set that a search may know.

    Attributes:
        num_classes: Number of labels.
        mean: What images are normalised with, per channel, on the scale where 255 is 1.
        std: Likewise.
        split: Digest of which image is in which part.
        parts: By ``train``, ``validation``, ``unused`` and ``test``; without ``test`` where that cannot be
            listed without looking at its pixels.
        test_content: Digest of the bytes that hold the test part where its images are no files of their own,
            none of which is decoded; empty where that is not known.
    """

    num_classes: int
    mean: list[float]
    std: list[float]
    split: str
    parts: dict[str, PartDigest]
    test_content: str = ""

    def has_other_test(self, test_content: str) -> bool:
        """Whether these bytes are known not to be those of the test part."""
        return bool(self.test_content) and self.test_content != test_content

    @property
    def seen(self) -> str:
        """Digest of what trials train and validate on."""
        return f"{self.parts['train'].pixels}-{self.parts['validation'].pixels}"
