"""The contract of a backbone."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lcsearch.core.functions import parameters
from lcsearch.core.text import kind_of
from lcsearch.nets import backbones
from lcsearch.nets.backbones import Backbone
from lcsearch.nets.replaceable import conv_layers
from lcsearch.testing._expect import doing, expect

_IMAGES = 4


def check_backbone(
    backbone: Backbone, *, in_channels: tuple[int, ...] = (1, 3), image_size: int = 32
) -> None:
    """Check that a net can be built, counted, trained, stored and loaded, and made thinner if it says so.

    Args:
        backbone: What its file calls ``BACKBONE``, or its entry point names.
        in_channels: Channels of images that it takes.
        image_size: A height and width that it takes, in pixels.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.nets.backbones.Backbone`.
    """
    with torch.random.fork_rng(devices=[]):
        for channels in in_channels:
            for classes in (2, 10):
                _check_sizes(backbone, channels, classes, image_size)
        channels = in_channels[-1]
        images = torch.randn(_IMAGES, channels, image_size, image_size)
        _check_what_it_makes(backbone, images)
        _check_meta(backbone, channels)
        _check_training(backbone, images)
        _check_copies(backbone, images)
        if "width" in parameters(backbone):
            _check_width(backbone, images)


def _build(
    backbone: Backbone, channels: int, classes: int = 10, width: float = 1.0, seed: int = 0
) -> nn.Module:
    torch.manual_seed(seed)
    with doing(f"called with num_classes={classes}, in_channels={channels}, width={width:g}"):
        return backbones.call(
            backbone, "the backbone", num_classes=classes, in_channels=channels, width=width
        )


def _check_sizes(backbone: Backbone, channels: int, classes: int, side: int) -> None:
    model = _build(backbone, channels, classes).eval()
    with doing(f"run on images (2, {channels}, {side}, {side})"), torch.no_grad():
        logits = model(torch.zeros(2, channels, side, side))
    expect(isinstance(logits, Tensor), f"it returns {kind_of(logits)}, not one tensor of logits")
    expect(
        tuple(logits.shape) == (2, classes),
        f"two images and {classes} classes give logits of shape {tuple(logits.shape)}, not (2, {classes})",
    )


def _check_what_it_makes(backbone: Backbone, images: Tensor) -> None:
    channels = images.shape[1]
    model = _build(backbone, channels)
    expect(bool(conv_layers(model)), "it has no nn.Conv2d that could be compressed")
    again = _build(backbone, channels)
    ours, others = set(model.parameters()), set(again.parameters())
    expect(not ours & others, "two calls return nets that share parameters; each call must make its own")
    same = all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    expect(same, "two calls after the same torch.manual_seed make different weights: a run is not repeatable")


def _check_meta(backbone: Backbone, channels: int) -> None:
    with torch.device("meta"):
        planned = _build(backbone, channels)
    expect(all(tensor.is_meta for tensor in planned.parameters()), "it ignores torch's default device")
    shapes = [
        {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
        for model in (planned, _build(backbone, channels))
    ]
    expect(shapes[0] == shapes[1], "on the meta device it has other parameters than on the CPU")


def _check_training(backbone: Backbone, images: Tensor) -> None:
    model = _build(backbone, images.shape[1]).train()
    loss = nn.functional.cross_entropy(model(images), torch.arange(_IMAGES) % 10)
    with doing("the backward pass of a training step"):
        loss.backward()
    for name, parameter in model.named_parameters():
        expect(parameter.grad is not None, f"a training step gives {name} no gradient")
        expect(bool(torch.isfinite(parameter.grad).all()), f"the gradient of {name} is not finite")  # type: ignore[arg-type]


def _check_copies(backbone: Backbone, images: Tensor) -> None:
    model = _build(backbone, images.shape[1]).eval()
    other = _build(backbone, images.shape[1], seed=1).eval()
    with doing("loading the state of one net into another"):
        other.load_state_dict(model.state_dict())
    with doing("copying it with copy.deepcopy"):
        copied = copy.deepcopy(model)
    with torch.no_grad():
        outputs = [net(images) for net in (model, other, copied)]
    expect(torch.equal(outputs[0], outputs[1]), "with the same state_dict two nets give different logits")
    expect(torch.equal(outputs[0], outputs[2]), "a copy made by copy.deepcopy gives other logits")


def _check_width(backbone: Backbone, images: Tensor) -> None:
    sizes = {}
    for width in (0.25, 0.5, 1.0):
        model = _build(backbone, images.shape[1], width=width).eval()
        with doing(f"run at width {width:g}"), torch.no_grad():
            model(images)
        sizes[width] = sum(parameter.numel() for parameter in model.parameters())
    expect(
        sizes[0.25] < sizes[0.5] < sizes[1.0],
        f"it takes a width, but its parameters do not grow with it: {sizes}",
    )
