"""Many models cut out of one trained net, each at a small part of the price of `cut_out`.

For models whose accuracy before any training is all that is wanted. What does not depend on the model is
worked out once. Then a few images go through the model once: each layer is solved and fitted when they reach
it, to what the net's own layer answers, and batch norm takes its statistics from them on the way. That ranks
models about as `cut_out` does (docs/search.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.at_once import cut_at_once, fit_together
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import fewer_channels, groups_left
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.responses import Response
from lcsearch.compress.thinned import Thinner
from lcsearch.core.spec import LayerSpec, ModelSpec

IMAGES = 64
"""Images that channels are chosen by and layers solved and fitted to: the most that are needed."""
WEIGHED = 32
"""Those of them that tell how much channels matter to a net's answer."""
_BACK = 2
"""Passes forward that one pass back costs."""


@dataclass
class Passes:
    """What has been computed.

    Attributes:
        images: Images that went forward through a net, one for one and at every pass; one back counts as two.
    """

    images: int = 0


class QuickCuts:
    """A trained net that models are cut out of.

    Args:
        whole: A net of plain layers, on its device; it must not change while this is used.
        before: Its channels, as its own spec has them.
        images: (n, c, h, w) float32, normalised, on its device, at least two; `IMAGES` are enough.
        passes: Counts what is computed.

    Attributes:
        whole: As given.
    """

    def __init__(self, whole: nn.Module, before: Mapping[str, float], images: Tensor, passes: Passes) -> None:
        self.whole, self._before, self._passes = whole, dict(before), passes
        self._images = responses.at_once(images[:IMAGES])
        self._known: Thinner | None = None

    def cut(self, spec: ModelSpec) -> nn.Module:
        """The model of a spec, in evaluation mode; the net itself where nothing of it is to change.

        Raises:
            InputError: The layers or channels do not fit the net, or its weights are not finite.
            ValueError: The net has fewer channels in a group than the spec.
        """
        keep = fewer_channels(spec, self._before)
        if not keep:
            return self._compressed(self.whole, spec.layers, self._answers) if spec.layers else self.whole
        if spec.layers and not fit_together(spec.layers):
            self._through(2)  # through the old layers, and through the new ones
            return cut_at_once(self._thinner(spec), keep, spec.layers, self._images, self._answers)
        self._through()
        model = self._thinner(spec).thin(keep)
        return self._compressed(model, spec.layers, self._record(model)) if spec.layers else model

    def _compressed(
        self, net: nn.Module, layers: Mapping[str, LayerSpec], answers: Mapping[str, Response]
    ) -> nn.Module:
        model = compress_trained(net, layers, self._images, answers=answers)
        self._through(2)
        if fit_together(layers):
            reestimate(model, self._images)
            self._through()
        return model

    def _thinner(self, spec: ModelSpec) -> Thinner:
        if self._known is None:
            self._known = Thinner(self.whole, groups_left(spec, self._before), self._images, WEIGHED)
            self._through(weighed=True)
        return self._known

    @cached_property
    def _answers(self) -> dict[str, Response]:
        """What the convolutions of the net itself answer."""
        return self._record(self.whole)

    def _record(self, model: nn.Module) -> dict[str, Response]:
        self._through(weighed=True)
        convs = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
        return responses.record(model, convs, self._images, WEIGHED)

    def _through(self, passes: int = 1, *, weighed: bool = False) -> None:
        """Count passes of the images, and what it takes to see how much channels matter."""
        count = len(self._images)
        self._passes.images += passes * count + weighed * (1 + _BACK) * min(WEIGHED, count)
