"""A model in which a convolution, or those of one weight, are played by something else, at little cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn

from lcsearch.nets.replaceable import conv_layers, tied

Play = Callable[[Tensor], Tensor]
"""Takes what a convolution gets, and answers in its place."""
Visit = Callable[[nn.Conv2d, Tensor, Tensor], None]
"""Is shown a convolution, what it gets, and what it answers."""


class Stage:
    """A model in which convolutions can be played by other layers, and those before them by what they said.

    Inside ``with`` the convolutions of the model have a ``forward`` of their own; outside they have not.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._order: list[nn.Conv2d] = []
        self._work: dict[nn.Conv2d, float] = {}
        self._kept: dict[nn.Conv2d, Tensor] = {}
        self._changed: Mapping[nn.Conv2d, Play] = {}
        self._visit: Visit | None = None
        others = [model.get_submodule(name) for names in tied(model).values() for name in names]
        self._convs = [*conv_layers(model).values(), *(own for own in others if isinstance(own, nn.Conv2d))]
        self._calls: dict[nn.Conv2d, int] = dict.fromkeys(self._convs, 0)

    def __enter__(self) -> Stage:
        for conv in self._convs:
            conv.forward = partial(self._forward, conv)  # type: ignore[method-assign]
        return self

    def __exit__(self, *error: object) -> None:
        for conv in self._convs:
            del conv.forward

    def _forward(self, conv: nn.Conv2d, input: Tensor) -> Tensor:
        if self._changed:
            if conv in self._changed:
                return self._changed[conv](input)
            if conv in self._kept and self._order.index(conv) < self._first_of(*self._changed):
                return self._kept[conv].clone()
            return nn.Conv2d.forward(conv, input)
        output = nn.Conv2d.forward(conv, input)
        if self._visit is not None:
            self._visit(conv, input, output)
        return output

    def learn(self, images: Tensor) -> None:
        """See in which order convolutions are called, how often, and what they cost."""

        def visit(conv: nn.Conv2d, x: Tensor, output: Tensor) -> None:
            self._calls[conv] += 1
            if conv not in self._work:
                self._order.append(conv)
                self._work[conv] = 0.0
            self._work[conv] += output[0].numel() * conv.weight[0].numel()

        self._visited(visit, images[:2])

    def plays(self, conv: nn.Conv2d) -> bool:
        """Whether a convolution is called exactly once, so that it can be played."""
        return self._calls[conv] == 1

    def work_from(self, *convs: nn.Conv2d) -> float:
        """Multiply-accumulates of the first of some convolutions and all after it, one image."""
        return sum(self._work[later] for later in self._order[self._first_of(*convs) :])

    def _first_of(self, *convs: nn.Conv2d) -> int:
        """The place in the order of calls of the first of some convolutions."""
        return min(map(self._order.index, convs))

    def plain(self, images: Tensor) -> Tensor:
        """Run the model as it is, and keep what convolutions say that are called once."""
        self._kept = {}

        def visit(conv: nn.Conv2d, x: Tensor, output: Tensor) -> None:
            if self.plays(conv):
                self._kept[conv] = output.clone()

        return self._visited(visit, images)

    def played(self, plays: Mapping[nn.Conv2d, Play], images: Tensor) -> Tensor:
        """Run the model with convolutions played, on the images that it last ran on as it is."""
        self._changed = plays
        try:
            output: Tensor = self._model(images.clone())
            return output
        finally:
            self._changed = {}

    def look(self, visit: Visit, images: Tensor) -> None:
        """Run the model and show each convolution with what it gets and says."""
        self._visited(visit, images)

    def _visited(self, visit: Visit, images: Tensor) -> Tensor:
        self._visit = visit
        try:
            output: Tensor = self._model(images.clone())
            return output
        finally:
            self._visit = None
