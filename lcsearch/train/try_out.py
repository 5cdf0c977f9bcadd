"""Runs nets once before a search, so that what would fail in its trials is found before the run is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.core.autocast import arithmetic
from lcsearch.core.errors import InputError, said_of
from lcsearch.core.seeds import generators_kept, seed_everything
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer
from lcsearch.core.text import listed
from lcsearch.data import SearchData, Split
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets import surgery, use
from lcsearch.nets.failure import Watch
from lcsearch.nets.layout import channels_last
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.use import check_still_used, used
from lcsearch.train.answers import checked_answer
from lcsearch.train.optimizer import penalty

IMAGES = 2
"""Images that nets are tried on: the fewest that batch norm and a fit take."""


def try_out(
    plain: ModelSpec,
    compressed: ModelSpec,
    data: SearchData,
    recipe: Recipe,
    *,
    cut: bool = False,
    device: str = "cpu",
) -> list[str]:
    """Run the plain net and a compressed one as trials would: in evaluation, then forward and backward.

    Random generators stand as before afterwards, so that a search is the same with and without it.

    Args:
        plain: The plain backbone.
        compressed: A model of the space.
        data: Its first training images are run on.
        recipe: How the backbone is trained.
        cut: Whether models are cut out of a trained backbone.
        device: Where trials train.

    Returns:
        What is left out or changed of the net, a line each.

    Raises:
        InputError: A net fails, or answers no logits; the layer is named, and what it lacks.
    """
    few = _first(data)
    with generators_kept(device):
        seed_everything(0)
        notes = _all_tried(plain, compressed, few, recipe, cut, device)
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()  # trials in other processes need the memory
    return [f"{plain.backbone}: {note}" for note in notes]


def used_only_plain(
    plain: ModelSpec, compressed: ModelSpec, data: SearchData, recipe: Recipe, *, device: str = "cpu"
) -> dict[str, str]:
    """Which convolutions must stay plain so that the net uses them, and why: see `lcsearch.nets.use`.

    Args:
        plain: As for `try_out`, like all else.
        compressed: As for `try_out`.
        data: As for `try_out`.
        recipe: As for `try_out`.
        device: As for `try_out`.
    """
    few = _first(data)
    with generators_kept(device):
        seed_everything(0)
        return use.used_only_plain(
            plain, compressed.layers, lambda model: _tried(model, few, recipe, device, "the net")
        )


def _all_tried(
    plain: ModelSpec, compressed: ModelSpec, few: SearchData, recipe: Recipe, cut: bool, device: str
) -> list[str]:
    """Run one net after the other; notes what is said of the plain one."""
    notes = _types(plain)
    whole, small = surgery.build_model(plain), surgery.build_model(compressed)
    with said_of("backbone", plain.backbone):
        with used(whole) as before:
            notes += _tried(whole, few, recipe, device, "the net")
        if before.read:
            notes.append(f"macs leave out {listed(before.read)}: filters used without calling their layer")
        with used(small) as after:
            _tried(small, few, recipe, device, "the net with its convolutions replaced")
        check_still_used(before, after)
        if cut and (compressed.layers or compressed.channels):
            _try_to_cut(surgery.build_model(plain), compressed, few, recipe, device)
    return notes


def _try_to_cut(
    whole: nn.Module, compressed: ModelSpec, few: SearchData, recipe: Recipe, device: str
) -> None:
    """Thin the net, fit the layer that takes least to what it answers, and train what comes of it."""
    subject = "the net cut out of trained weights"
    convs = conv_layers(whole)
    least = sorted(compressed.layers, key=lambda layer: convs[layer].out_channels)[:1]
    spec = replace(compressed, layers={name: compressed.layers[name] for name in least})
    with Watch(subject):
        small = cut_out(whole.eval(), spec, few, device=device)
    _tried(small, few, recipe, device, subject)


def _tried(model: nn.Module, few: SearchData, recipe: Recipe, device: str, subject: str) -> list[str]:
    """Check a net's answers in evaluation, and forward and backward in training; notes how logits are taken.

    No optimizer is made: making one takes seconds, and any takes what has gradients.
    """
    classes, said = few.info.num_classes, {}
    with Watch(subject), fast_convolutions(model, device):
        channels_last(model, torch.device(device))
        images, labels = first_images(few, IMAGES, device), few.train.labels.to(device)
        with torch.no_grad():
            said["evaluation"] = checked_answer(model.eval(), images.clone(), classes, subject)[1]
        with arithmetic(recipe.precision, device):
            scores, said["training"] = checked_answer(model.train(), images.clone(), classes, subject)
        if not scores.requires_grad:
            raise InputError(f"{subject} cannot be trained: no parameter with a gradient changes its logits")
        loss = F.cross_entropy(scores.float(), labels) + penalty(model, recipe, Regularizer(weight=0.01), 0)
        loss.backward()
    return _notes(said)


def _notes(said: Mapping[str, str]) -> list[str]:
    """How logits are taken in either mode, in one line where both are alike."""
    if len(set(said.values())) == 1:
        said = {"training and evaluation": said["training"]}
    return [f"in {mode} {words}" for mode, words in said.items() if words]


def _types(plain: ModelSpec) -> list[str]:
    """What is said of parameters in other types than float32."""
    with torch.device("meta"):
        written = surgery.build_model(plain, as_written=True)
    kinds = {p.dtype for p in written.parameters() if p.is_floating_point()} - {torch.float32}
    names = sorted(str(kind).removeprefix("torch.") for kind in kinds)
    return [f"its parameters in {' and '.join(names)} are trained in float32"] if names else []


def _first(data: SearchData) -> SearchData:
    """A data set of its first training images alone, for training and validation."""
    few = Split(data.train.images[:IMAGES], data.train.labels[:IMAGES])
    return replace(data, train=few, validation=few)
