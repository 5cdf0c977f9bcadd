"""Channels and layers of a trained net at once, in one pass of the images.

Each layer is solved for the channels that are left, and fitted, when the images reach it, and both to what
the trained net's own layer answers. Thinned first and compressed after that, layers would answer what those
of the thinned net do, its errors included.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from lcsearch.compress.fit import compress_trained
from lcsearch.compress.responses import Response
from lcsearch.compress.thinned import Thinner
from lcsearch.core.spec import LayerSpec
from lcsearch.layers import lookup


def fit_together(layers: Mapping[str, LayerSpec]) -> bool:
    """Whether layers share tensors and are fitted together, not one after the other as a net reaches them."""
    return any(len(own) > 1 for _, own in lookup.bundles(layers))


def cut_at_once(
    thinner: Thinner,
    keep: Mapping[str, int],
    layers: Mapping[str, LayerSpec],
    images: Tensor,
    answers: Mapping[str, Response],
) -> nn.Module:
    """Return a trained net with fewer channels and other layers.

    Args:
        thinner: Of the trained net.
        keep: Name of a group to how many of its channels stay.
        layers: Module name to what becomes of it; none of those that are fitted together.
        images: (n, c, h, w) float32, normalised, on the net's device.
        answers: What the net's own convolutions answer to these images, of the layers at least.

    Raises:
        InputError: The layers or channels do not fit the net, or its weights are not finite.
    """
    cut = thinner.cut(keep)
    left = {name: own.only(cut.left(name)) for name, own in answers.items() if name in layers}
    return compress_trained(cut.model, layers, images, answers=left, solves=cut.solves)
