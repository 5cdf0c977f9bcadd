"""How pixels become what a net sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from lcsearch.core.checked import Checked, ReadBy


def _as_tuple(plain: Any) -> Any:
    return tuple(plain) if isinstance(plain, list) else plain


PerChannel = Annotated[tuple[float, ...], ReadBy(_as_tuple, then=True)]


@dataclass(frozen=True, slots=True)
class Normalisation(Checked):
    """Channel by channel, pixel values in 0..1 become ``(pixels - mean) / std``.

    Attributes:
        mean: One number for each channel.
        std: Likewise, above 0.
    """

    mean: PerChannel
    std: PerChannel

    def __str__(self) -> str:
        """In words."""
        return f"mean {_numbers(self.mean)}, deviation {_numbers(self.std)}"


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
