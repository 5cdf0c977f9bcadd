"""A compressed model cut out of a trained backbone, ready to be fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.at_once import cut_at_once, fit_together
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import DEFAULT_HOW, FIT_IMAGES, How, compress_trained
from lcsearch.compress.thinned import DEFAULT_THINNED, Thinned, Thinner, images_for, thin_trained
from lcsearch.core.freed_memory import give_freed_memory_back
from lcsearch.core.spec import ModelSpec
from lcsearch.data import Batches, SearchData, Split
from lcsearch.nets.channels import ChannelGroups, groups_of

NORM_IMAGES = 512
"""Training images that batch norm statistics are estimated on."""
_AT_ONCE = (DEFAULT_HOW, DEFAULT_THINNED)
"""How models are cut out in one pass; other ways take channels out first."""


def cut_out(
    whole: nn.Module,
    spec: ModelSpec,
    data: SearchData,
    *,
    before: Mapping[str, float] = MappingProxyType({}),
    device: str | torch.device = "cpu",
    how: How = DEFAULT_HOW,
    thinned: Thinned = DEFAULT_THINNED,
) -> nn.Module:
    """Thin and compress a trained net and make its batch norm fit again; no training image's label is used.

    Where both is asked for, channels and layers change in one pass, each layer to answer what the trained
    net's own does (docs/trained.md), unless layers share tensors.

    Args:
        whole: A trained net of plain layers, the backbone or a thinner one; it is moved to the device.
        spec: What comes of it. Where nothing is thinned or compressed, the net comes back as it is.
        data: Its first training images are what channels are chosen by, and layers and statistics fitted to.
        before: The channels of the net, as its own spec has them.
        device: Where to compute.
        how: What the new layers shall be close to.
        thinned: How channels are taken out.

    Raises:
        InputError: The layers or channels do not fit the net, or its weights are not finite.
        ValueError: The net has fewer channels in a group than what shall come of it.
    """
    whole.to(device)
    keep = fewer_channels(spec, before)
    if not keep and not spec.layers:
        return whole
    images = first_images(data, NORM_IMAGES, device)
    if keep and spec.layers and (how, thinned) == _AT_ONCE and not fit_together(spec.layers):
        model = _at_once(whole, spec, before, keep, images[:FIT_IMAGES])
    else:
        model = whole
        if keep:
            many = first_images(data, images_for(*data.train.images.shape[2:]), device)
            model = thin_trained(whole, groups_left(spec, before), keep, many, how=thinned)
        if keep and spec.layers:
            reestimate(model, images)
        if spec.layers:
            model = compress_trained(model, spec.layers, images[:FIT_IMAGES], how=how)
    give_freed_memory_back()  # maps of many images go through the model once more
    reestimate(model, images)
    return model


def _at_once(
    whole: nn.Module, spec: ModelSpec, before: Mapping[str, float], keep: Mapping[str, int], images: Tensor
) -> nn.Module:
    few = responses.at_once(images)
    thinner = Thinner(whole, groups_left(spec, before), few)
    convs = {
        name: conv
        for name, conv in whole.named_modules()
        if name in spec.layers and isinstance(conv, nn.Conv2d)
    }
    return cut_at_once(thinner, keep, spec.layers, few, responses.record(whole, convs, few))


def groups_left(spec: ModelSpec, before: Mapping[str, float]) -> ChannelGroups:
    """The groups of channels of a net that has lost some.

    Args:
        spec: Of the net, or of what is to come of it.
        before: The channels of the net, as its own spec has them.
    """
    groups = groups_of(spec)
    return groups.thinned(groups.kept(before))


def fewer_channels(spec: ModelSpec, before: Mapping[str, float]) -> dict[str, int]:
    """How many channels of each group stay, of those groups that lose some.

    Args:
        spec: What is to come of a net.
        before: The channels of the net, as its own spec has them.

    Raises:
        ValueError: The net has fewer channels in a group than what shall come of it.
    """
    if spec.channels == before:
        return {}
    groups = groups_of(spec)
    had, wanted = groups.kept(before), groups.kept(spec.channels)
    lacks = [name for name, count in wanted.items() if count > had[name]]
    if lacks:
        raise ValueError(
            f"the net has {had[lacks[0]]} channels in {lacks[0]!r}, fewer than {wanted[lacks[0]]}"
        )
    return {name: count for name, count in wanted.items() if count < had[name]}


def first_images(data: SearchData, count: int, device: str | torch.device = "cpu") -> Tensor:
    """The first training images (n, c, h, w), normalised, as evaluation sees them."""
    few = Split(data.train.images[:count], data.train.labels[:count])
    images, _ = next(iter(Batches(few, data.info, len(few), augment=False, device=device).epoch()))
    return images
