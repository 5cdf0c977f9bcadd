"""Many models cut out of one trained net, each at a small part of the price of `cut_out`.

For models whose accuracy before any training is all that is wanted. What does not depend on the model is
worked out once; layers are fitted to fewer images, and batch norm takes its statistics from those on the way.
That ranks models as `cut_out` does, at a third of the time (docs/search.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import fewer_channels
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.responses import Response
from lcsearch.compress.thinned import Thinner
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers import lookup
from lcsearch.nets.channels import groups_of

THIN_IMAGES = 256
"""Images that channels are chosen by, and the layers that read them solved for: the most that are needed."""
FIT_IMAGES = 128
"""Those of them that layers are fitted to."""
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
        images: (n, c, h, w) float32, normalised, on its device, at least two; `THIN_IMAGES` are enough.
        passes: Counts what is computed.
    """

    def __init__(self, whole: nn.Module, before: Mapping[str, float], images: Tensor, passes: Passes) -> None:
        self._whole, self._before, self._passes = whole, dict(before), passes
        self._images = images[:THIN_IMAGES]
        self._thinner: Thinner | None = None

    def cut(self, spec: ModelSpec) -> nn.Module:
        """The model of a spec, in evaluation mode; the net itself where nothing of it is to change.

        Raises:
            InputError: The layers or channels do not fit the net, or its weights are not finite.
            ValueError: The net has fewer channels in a group than the spec.
        """
        keep = fewer_channels(spec, self._before)
        model = self._thin(spec, keep) if keep else self._whole
        if not spec.layers:
            return model
        answers = self._record(model) if keep else self._answers
        model = compress_trained(model, spec.layers, self._few, answers=answers)
        self._passes.images += 2 * len(self._few)  # through the old layers, and through the new ones
        if _share_tensors(spec.layers):
            reestimate(model, self._few)
            self._passes.images += len(self._few)
        return model

    def _thin(self, spec: ModelSpec, keep: Mapping[str, int]) -> nn.Module:
        if self._thinner is None:
            groups = groups_of(spec)
            self._thinner = Thinner(self._whole, groups.thinned(groups.kept(self._before)), self._images)
            self._passes.images += len(self._images) + (1 + _BACK) * min(responses.WEIGHED, len(self._images))
        self._passes.images += len(self._images)
        return self._thinner.thin(keep)

    @cached_property
    def _answers(self) -> dict[str, Response]:
        """What the convolutions of the net itself answer."""
        return self._record(self._whole)

    def _record(self, model: nn.Module) -> dict[str, Response]:
        self._passes.images += len(self._few) + (1 + _BACK) * min(WEIGHED, len(self._few))
        convs = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
        return responses.record(model, convs, self._few, WEIGHED)

    @property
    def _few(self) -> Tensor:
        return responses.at_once(self._images[:FIT_IMAGES])


def _share_tensors(layers: Mapping[str, LayerSpec]) -> bool:
    """Whether layers are fitted together, and not one after the other as a net reaches them."""
    return any(len(own) > 1 for _, own in lookup.bundles(layers))
