"""How the images of a data set differ from those that a run recorded, counted and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SEEN = ("train", "validation")
"""The parts that trials see."""

_WORDS = {"train": "training", "validation": "validation", "unused": "unused", "test": "test"}


@dataclass(frozen=True)
class Changes:
    """How a data set differs from the one that was recorded.

    Attributes:
        came: Images that were not there.
        went: Images that are gone, by the part that they were in.
        changed: Images with another label, other pixels or, where these are not looked at, another size.
        renamed: Images that are in files of other names now, likewise by part; they are kept.
        kept: Images that are still as they were, by part: of training and validation.
        recorded: Images that there were, by part.
        classes: Number of labels now and then.
        other_decoder: Whether every image has other pixels in a file of the same name and size.
        other_test: Whether other bytes hold the test part, whose images are no files of their own.
    """

    came: int
    went: Mapping[str, int]
    changed: Mapping[str, int]
    renamed: Mapping[str, int]
    kept: Mapping[str, int]
    recorded: Mapping[str, int]
    classes: tuple[int, int]
    other_decoder: bool = False
    other_test: bool = False

    @property
    def usable(self) -> bool:
        """Whether something is left to train on and to validate on."""
        return all(self.kept[part] > 0 for part in SEEN)

    @property
    def lost_tests(self) -> bool:
        """Whether there were test images and none is as it was."""
        then = self.recorded.get("test", 0)
        return 0 < then <= self.went.get("test", 0) + self.changed.get("test", 0)

    @property
    def left(self) -> str:
        """What is still there, in words."""
        words = [f"{self.kept[part]:,} of {self.recorded[part]:,} {_WORDS[part]}" for part in SEEN]
        return f"{' and '.join(words)} images"

    def __str__(self) -> str:
        if self.other_decoder:
            return "all have other pixels in files of the same size: they are decoded in another way"
        totals = {word: sum(by_part.values()) for word, by_part in self._by_word}
        said = _counts({"came": self.came, **totals})
        parts = [(_WORDS[part], self._of_part(part)) for part in _WORDS]
        where = "; ".join(f"{part}: {counts}" for part, counts in parts if counts)
        now, then = self.classes
        pieces = [
            f"{said} ({where})" if where else said,
            f"{now} classes instead of {then}" if now != then else "",
            "the content of the test part is another" if self.other_test else "",
        ]
        whole = "; ".join(piece for piece in pieces if piece)
        return whole or "they are in another order or normalised in another way"

    @property
    def _by_word(self) -> tuple[tuple[str, Mapping[str, int]], ...]:
        return ("went", self.went), ("changed", self.changed), ("renamed", self.renamed)

    def _of_part(self, part: str) -> str:
        return _counts({word: by_part.get(part, 0) for word, by_part in self._by_word})


def _counts(by_word: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {word}" for word, n in by_word.items() if n)
