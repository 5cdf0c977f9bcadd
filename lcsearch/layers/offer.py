"""What a space offers to one group of convolutions under one family, and how a sampler may move in it.

A *choice* is a tuple of the family's own, hashable and small: samplers look thousands of them up per
proposal. *Parameters* are what Optuna knows a choice by: `Offer.suggest` asks for them, `Offer.answers` is
the way back. `Offer.layers` says what a choice makes of each convolution.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from lcsearch.core.parameters import Choice, Number, Trial
from lcsearch.core.spec import LayerSpec
from lcsearch.core.strict import Strict
from lcsearch.layers.shape import ConvShape, Shapes

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

SpecT = TypeVar("SpecT", bound=LayerSpec)
OwnT = TypeVar("OwnT", bound=tuple[Any, ...])
End = Literal["smallest", "largest"]

_STEPS = (0.1, 0.3, 0.8)
"""Standard deviations of a nudge to the logarithm of a number; one is drawn."""


class Rule(Strict):
    """What a space may say about a family's fields, by their names.

    Each field has a default, and a description: its comment in a space file. A name that two families use
    means the same.
    """

    def from_scratch(self) -> Self:
        """The rule where all models train from scratch."""
        return self

    @property
    def of_weights(self) -> str | None:
        """The key that means weights of a trained net, if it says one: then offers need `Offer.learn`."""
        return None

    def shown(self) -> dict[str, Any]:
        """What matters of it in a file that people edit: names and ranges."""
        return {name: value for name, value in self if value is not None}


class Offer(ABC, Generic[SpecT, OwnT]):
    """The choices of one family for one group of convolutions.

    Args:
        group: The group's name, with which the names of its parameters begin: ``features.8/alpha``. A group
            may have offers of several families: no two families may use one name for a parameter.
        shapes: The group's convolutions that can be of the family, at the largest width, in module order.
    """

    def __init__(self, group: str, shapes: Shapes) -> None:
        self.group = group
        self.members = tuple(shapes)

    def learn(self, convs: Mapping[str, nn.Conv2d]) -> None:
        """Take note of the trained convolutions, by name: of those that layers are to be cut out of."""

    # Choices, parameters and specs.

    @property
    @abstractmethod
    def parameters(self) -> Sequence[Choice | Number]:
        """Everything that `suggest` may ask for, what depends on other answers included."""

    @abstractmethod
    def suggest(self, trial: Trial, shrink: float) -> OwnT:
        """Ask for a choice.

        Args:
            trial: Answers.
            shrink: A factor in (0, 1], common to all groups, on what a layer keeps. Without it nearly all
                random models have one size, because the independent choices of many layers average out.
        """

    @abstractmethod
    def answers(self, own: OwnT, shrink: float) -> dict[str, float | str]:
        """The answers to `suggest`, by parameter, that make it return this choice, or one that is near."""

    def least_shrink(self, own: OwnT) -> float:
        """The smallest common factor with which `suggest` can return this choice."""
        return 0.0

    @abstractmethod
    def layers(self, own: OwnT, shapes: Shapes) -> dict[str, SpecT]:
        """The canonical specs of the members that a choice does not leave plain.

        Args:
            own: A choice.
            shapes: The shapes of all members at some width.
        """

    @abstractmethod
    def guesses(self, wanted: Mapping[str, SpecT], shapes: Shapes) -> Iterator[OwnT]:
        """Choices among which is one that makes the members these canonical specs, if there is any."""

    @abstractmethod
    def near(self, spec: SpecT, shape: ConvShape) -> Iterator[OwnT]:
        """Choices inside the rule that may give a member of this shape this canonical spec."""

    @abstractmethod
    def extreme(self, shapes: Shapes, end: End) -> OwnT:
        """The choice with the fewest or the most parameters."""

    # What one picks by hand.

    @abstractmethod
    def at_share(self, share: float, shapes: Shapes) -> dict[str, SpecT]:
        """Canonical specs of the members that keep about this share each, even where the rule forbids it."""

    @abstractmethod
    def allowed(self, share: float) -> float:
        """The nearest share that the rule allows for `at_share`."""

    def with_channels(self, shapes: Shapes) -> dict[str, SpecT]:
        """Canonical specs of the members in what one would pick by hand where channels set the size.

        Returns:
            Specs even where the rule forbids them; nothing where the family's own share (`at_share`) sets it.
        """
        return {}

    # Moves. What draws random numbers draws them in one order, so that a seed means one search.

    @abstractmethod
    def share(self, own: OwnT) -> float:
        """About what share of a layer a choice keeps, in (0, 1]."""

    @abstractmethod
    def keeping(self, share: float, rng: np.random.Generator) -> OwnT:
        """A choice that keeps about this share, the rest of it at random."""

    @abstractmethod
    def nudged(self, own: OwnT, rng: np.random.Generator) -> OwnT:
        """A choice a small step away."""

    def changed(self, own: OwnT, rng: np.random.Generator) -> OwnT:
        """A choice of another kind, where the family has kinds, that keeps about the same share."""
        return self.nudged(own, rng)

    @abstractmethod
    def scaled(self, own: OwnT, factor: float) -> OwnT:
        """The choice that keeps so many times as much."""


def nudge(rng: np.random.Generator) -> float:
    """A random factor that is mostly near 1."""
    return math.exp(_STEPS[int(rng.integers(len(_STEPS)))] * float(rng.standard_normal()))
