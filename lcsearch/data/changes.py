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
        kept: Images that are still as they were, by part: of training and validation.
        recorded: Images that there were, likewise.
        classes: Number of labels now and then.
        other_decoder: Whether every image has other pixels in a file of the same name and size.
    """

    came: int
    went: Mapping[str, int]
    changed: Mapping[str, int]
    kept: Mapping[str, int]
    recorded: Mapping[str, int]
    classes: tuple[int, int]
    other_decoder: bool = False

    @property
    def usable(self) -> bool:
        """Whether something is left to train on and to validate on."""
        return all(self.kept[part] > 0 for part in SEEN)

    @property
    def left(self) -> str:
        """What is still there, in words."""
        words = [f"{self.kept[part]:,} of {self.recorded[part]:,} {_WORDS[part]}" for part in SEEN]
        return f"{' and '.join(words)} images"

    def __str__(self) -> str:
        if self.other_decoder:
            return "all have other pixels in files of the same size: they are decoded in another way"
        went, changed = sum(self.went.values()), sum(self.changed.values())
        counts = ((self.came, "came"), (went, "went"), (changed, "changed"))
        said = [f"{n:,} {word}" for n, word in counts if n]
        if not said:
            return "they are in another order or normalised in another way"
        parts = [self._of_part(part) for part in _WORDS if self.went.get(part) or self.changed.get(part)]
        where = f" ({'; '.join(parts)})" if parts else ""
        now, then = self.classes
        classes = f"; {now} classes instead of {then}" if now != then else ""
        return f"{', '.join(said)}{where}{classes}"

    def _of_part(self, part: str) -> str:
        counts = ((self.went.get(part, 0), "went"), (self.changed.get(part, 0), "changed"))
        return f"{_WORDS[part]}: {', '.join(f'{n:,} {word}' for n, word in counts if n)}"
