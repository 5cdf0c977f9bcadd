"""Training, validation and test: disjoint, stratified, and the same whatever the seed."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.errors import InputError, Named
from lcsearch.data.dataset import DataSet, Part

_FIXED = 20190711
_MOST_VALIDATION = 5_000
_VALIDATION_SHARE = 0.2
_MEMORY_SHARE = 0.5
_TEST_SHARE = 0.2


def stratified_order(labels: Tensor) -> Tensor:
    """A fixed shuffle of which every stretch has the classes in about their own proportions.

    The images of a class are shuffled, then the j-th of n stands at (j + 1/2) / n; all are ordered by
    that place. So a prefix of k images holds about k times the share of each class; exactly that, where
    the classes are equally large and k is a multiple of their number. It depends on the labels alone.
    numpy's ``RandomState`` makes the shuffle because its streams are guaranteed never to change.

    Args:
        labels: int64, (n,).

    Returns:
        int64, (n,): each index once.
    """
    of_image = labels.numpy()
    random = np.random.RandomState(_FIXED)
    place = np.empty(len(of_image))
    for label in np.unique(of_image):
        members = random.permutation(np.flatnonzero(of_image == label))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return torch.from_numpy(np.lexsort((of_image, place)))


def fixed_share(labels: Tensor, part: Part) -> Tensor:
    """Which images are a part's where a data set has no test part: a fixed stratified fifth becomes it.

    Args:
        labels: Of all images, int64 (n,).
        part: ``train`` or ``test``.

    Returns:
        int64, (k,).
    """
    order = stratified_order(labels)
    held_out = max(1, round(_TEST_SHARE * len(order)))
    return order[:held_out] if part == "test" else order[held_out:]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images train and validate."""

    train: int
    validation: int


def resolve_sizes(
    name: str, available: int, num_classes: int, train_images: int | None, validation_images: int | None
) -> Sizes:
    """Check the numbers of images that were asked for, and fill in the others.

    Validation takes a fifth of the images, at most 5,000; training takes what is left.

    Args:
        name: The data set, for messages.
        available: Images that training and validation share.
        num_classes: Number of labels; training gets at least as many images.
        train_images: What ``--train-images`` was given; None for all that are left.
        validation_images: Images to validate on; None for the default.

    Raises:
        InputError: There are not that many images.
    """
    if available < num_classes + 1:
        raise InputError(
            f"{available} training images are too few for {num_classes} classes and a validation set; "
            f"at least {num_classes + 1} are needed",
            setting="dataset",
            value=name,
        )
    validation = _default_validation(available) if validation_images is None else validation_images
    if not 1 <= validation <= available - num_classes:
        raise InputError(
            f"{name} allows 1 to {available - num_classes:,} of its {available:,} training images",
            setting="validation_images",
            value=validation,
        )
    left = available - validation
    train = left if train_images is None else train_images
    if not num_classes <= train <= left:
        raise InputError(
            f"{name} allows {num_classes:,} (one a class) to {left:,}; it has {available:,} training images "
            f"and {validation:,} of them are kept for validation",
            setting="train_images",
            value=train,
        )
    return Sizes(train=train, validation=validation)


def resolve_apart(
    name: str,
    available: Sizes,
    num_classes: int,
    train_images: int | None,
    validation_images: int | None,
) -> Sizes:
    """Check the numbers of images, and fill in the others, where a data set keeps some for validation itself.

    Args:
        name: The data set, for messages.
        available: Images that it has for each.
        num_classes: Number of labels; training gets at least as many images.
        train_images: Images to train on; None for all.
        validation_images: Images to validate on; None for all.

    Raises:
        InputError: There are not that many images.
    """
    train = available.train if train_images is None else train_images
    if not num_classes <= train <= available.train:
        problem = (
            f"{name} allows {num_classes:,} (one a class) to {available.train:,}, all of its training images"
        )
        raise InputError(problem, setting="train_images", value=train)
    validation = available.validation if validation_images is None else validation_images
    if not 1 <= validation <= available.validation:
        problem = f"{name} allows 1 to {available.validation:,}, all of its own validation images"
        raise InputError(problem, setting="validation_images", value=validation)
    return Sizes(train=train, validation=validation)


def divided(
    name: str,
    labels: Tensor,
    num_classes: int,
    train_images: int | None,
    validation_images: int | None,
    own_validation: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Divide the images that training and validation share, by a stratified order of each.

    Args:
        name: The data set, for messages.
        labels: Of all images, int64 (n,).
        num_classes: Number of labels.
        train_images: Images to train on; None for all that are left.
        validation_images: Images to validate on; None for the default.
        own_validation: Places of those that the data set keeps for validation, int64 (m,), of which none is
            trained on; None where any image may be for either.

    Returns:
        Places of the training images, of the validation images, and of those that neither takes, int64 each.

    Raises:
        InputError: There are not that many images.
    """
    if own_validation is None:
        order = stratified_order(labels)
        sizes = resolve_sizes(name, len(labels), num_classes, train_images, validation_images)
        for_validation, for_training = order[: sizes.validation], order[sizes.validation :]
    else:
        others = torch.ones(len(labels), dtype=torch.bool)
        others[own_validation] = False
        for_training, for_validation = (
            places[stratified_order(labels[places])]
            for places in (others.nonzero().flatten(), own_validation)
        )
        available = Sizes(train=len(for_training), validation=len(for_validation))
        sizes = resolve_apart(name, available, num_classes, train_images, validation_images)
    unused = torch.cat([for_training[sizes.train :], for_validation[sizes.validation :]])
    return for_training[: sizes.train], for_validation[: sizes.validation], unused


def check_memory(data_set: DataSet, images: int, size: int) -> None:
    """Refuse decoded images that would fill more than half of this machine's memory.

    Raises:
        InputError: They would; says how many bytes they need.
    """
    needed = images * data_set.in_channels * size * size
    allowed = int(_MEMORY_SHARE * _memory_bytes())
    if needed > allowed:
        raise InputError(
            f"{images:,} decoded images of {data_set.name} need {needed / 1e9:.1f} GB, more than half of "
            f"this machine's memory ({allowed / 1e9:.1f} GB); take a smaller size or fewer ",
            Named("train_images"),
            setting="image_size",
            value=size,
        )


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _default_validation(available: int) -> int:
    return max(1, min(_MOST_VALIDATION, round(_VALIDATION_SHARE * available)))
