"""Batches from tensors that stay on the device: shuffled, cropped, flipped and normalised there.

For small images this is what makes a trial cheap: no worker processes, no Python per image, and one
transfer of uint8 pixels per trial (the way of Keller Jordan's airbench, arXiv 2404.00498).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from lcsearch.core.errors import InputError
from lcsearch.data.dataset import DatasetInfo, Split
from lcsearch.data.resized import random_parts, resized_parts

_AT_ONCE = 1 << 26
"""Bytes of normalised images that a GPU makes in one go."""


class Batches:
    """One epoch after another of normalised batches.

    Args:
        split: The images.
        info: Their normalisation and habits.
        batch_size: Images per batch.
        augment: Shuffle, crop and flip, and leave out the last, smaller batch (unless it is the only one).
            Otherwise every image comes once, in order, as it is.
        device: Where the batches are made; the images are moved there once, or with each batch where a file
            holds them.
        crop: Zero pixels added on each side before the random crop; None for the data set's own.
        flip: Whether every second image is mirrored, at random; None for the data set's own habit.
        resized: Whether random parts of images are shown, resized to the whole.

    Raises:
        InputError: The batch size or crop is out of range, or the images do not fit ``info``.
    """

    def __init__(
        self,
        split: Split,
        info: DatasetInfo,
        batch_size: int,
        *,
        augment: bool,
        device: torch.device | str = "cpu",
        crop: int | None = None,
        flip: bool | None = None,
        resized: bool = False,
    ) -> None:
        self.augment = augment
        self.batch_size = batch_size
        self.crop = info.crop if crop is None else crop
        self.flip = info.flip if flip is None else flip
        self.resized = resized
        _check(split, info, batch_size, self.crop)
        self._device, self._file = torch.device(device), split.file
        self._images = split.images if split.file is not None else split.images.to(device)
        self._labels = split.labels.to(device)
        std = torch.tensor(info.std, device=device).view(1, -1, 1, 1)
        mean = torch.tensor(info.mean, device=device).view(1, -1, 1, 1)
        self._scale = 1 / (255 * std)
        self._shift = -mean / std

    def __len__(self) -> int:
        """Batches per epoch."""
        images = len(self._labels)
        if self.augment:
            return max(1, images // self.batch_size)
        return math.ceil(images / self.batch_size)

    def epoch(self, generator: torch.Generator | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the images.

        Args:
            generator: A CPU generator. All randomness of the epoch is drawn from it here and now, before the
                first batch, and always the same amount of it: equal states give equal epochs on every device,
                and the state afterwards depends on neither ``crop`` nor ``flip``. Needed when augmenting.

        Returns:
            Pairs of images, float32 (b, channels, height, width), normalised, channels-last where there is
            more than one channel, and labels, int64 (b,).

        Raises:
            ValueError: Augmentation without a generator.
        """
        if not self.augment:
            return self._in_order()
        return ((images, labels) for images, labels, _ in self.indexed(generator))

    def indexed(
        self, generator: torch.Generator | None, view: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """One augmented pass that also says which images are in a batch.

        Args:
            generator: As for `epoch`.
            view: A CPU generator that crops and flips are drawn from instead, by image and not by its place
                in the order: epochs of any order then show each image the same way, as `view` does.

        Returns:
            Images and labels as from `epoch`, and the images' places in the split, int64 (b,).

        Raises:
            ValueError: There is no generator.
            HaltError: The images are in a file, and have changed since it was opened.
        """
        if generator is None:
            raise ValueError("augmented batches need a torch.Generator")
        if self._file is not None:
            self._file.check()
        plan = _draw(len(self._labels), self.crop, generator, self.resized)
        if view is not None:
            plan = _look(len(self._labels), self.crop, view, self.resized).ordered(plan.order)
        return self._augmented(plan.to(self._labels.device), len(self))

    def view(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Every image once, in order, cropped and flipped as `indexed` does with this view."""
        plan = _look(len(self._labels), self.crop, generator, self.resized).to(self._labels.device)
        steps = math.ceil(len(self._labels) / self.batch_size)
        return (images for images, _, _ in self._augmented(plan, steps))

    def _in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self._labels), self.batch_size):
            here = slice(start, start + self.batch_size)
            yield self._normalise(self._images[here].to(self._device)), self._labels[here]

    def _augmented(self, plan: _Plan, steps: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        at_once = self._at_once()
        for step in range(0, steps, at_once):
            here = slice(step * self.batch_size, min(step + at_once, steps) * self.batch_size)
            chosen = plan.order[here]
            images = self._images[chosen.to(self._images.device)].to(self._device)
            if self.flip:
                images = random_flip(images, plan.mirrored[here])
            if self.crop:
                images = random_crop(images, plan.top[here], plan.left[here], self.crop)
            if plan.parts is not None:
                images = resized_parts(images, plan.parts[here])
            made = self._normalise(images), self._labels[chosen], chosen
            yield from zip(*(tensor.split(self.batch_size) for tensor in made), strict=True)

    def _at_once(self) -> int:
        """Batches that are made in one go: of small images a GPU is asked for many, as asking takes time."""
        if self._device.type != "cuda" or self._file is not None:
            return 1
        image = 4 * self._images[0].numel()
        return max(1, _AT_ONCE // (image * self.batch_size))

    def _normalise(self, images: Tensor) -> Tensor:
        layout = torch.channels_last if images.shape[1] > 1 else torch.contiguous_format
        return images.to(torch.float32, memory_format=layout).mul_(self._scale).add_(self._shift)


def random_crop(images: Tensor, top: Tensor, left: Tensor, padding: int) -> Tensor:
    """Cut each image out of its zero-padded self, at its own place.

    Args:
        images: (b, channels, height, width).
        top: int64 (b,), 0 to twice the padding: the first row that is kept.
        left: The same for columns.
        padding: Zero pixels on each side.

    Returns:
        Of the same shape; a view of all possible crops is indexed, so nothing but the result is copied.
    """
    height, width = images.shape[-2:]
    padded = F.pad(images, (padding, padding, padding, padding))
    crops = padded.unfold(2, height, 1).unfold(3, width, 1)
    cut: Tensor = crops[torch.arange(len(images), device=images.device), :, top, left]
    return cut


def random_flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror the images (b, channels, height, width) for which ``mirrored``, bool (b,), is true."""
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)


@dataclass(frozen=True, eq=False)
class _Plan:
    """An epoch's randomness, each (n,): the order of images, and per place in it the crop and the flip.

    Parts that are resized are (n, 4), as `resized_parts` takes them; None where there are none.
    """

    order: Tensor
    top: Tensor
    left: Tensor
    mirrored: Tensor
    parts: Tensor | None = None

    def to(self, device: torch.device) -> _Plan:
        order, top, left, mirrored = (p.to(device) for p in (self.order, self.top, self.left, self.mirrored))
        parts = None if self.parts is None else self.parts.to(device)
        return _Plan(order, top, left, mirrored, parts)

    def ordered(self, order: Tensor) -> _Plan:
        """The same crop and flip of each image, in another order than the split's."""
        parts = None if self.parts is None else self.parts[order]
        return _Plan(order, self.top[order], self.left[order], self.mirrored[order], parts)


def _draw(images: int, crop: int, generator: torch.Generator, resized: bool) -> _Plan:
    order = torch.randperm(images, generator=generator)
    return replace(_look(images, crop, generator, resized), order=order)


def _look(images: int, crop: int, generator: torch.Generator, resized: bool) -> _Plan:
    """The split's own order, with a crop and a flip for each place in it."""
    chance = torch.rand(3, images, generator=generator, dtype=torch.float64)
    places = (chance[:2] * (2 * crop + 1)).long()
    parts = random_parts(chance[:2], torch.rand(2, images, generator=generator)) if resized else None
    return _Plan(torch.arange(images), places[0], places[1], chance[2] < 0.5, parts)


def _check(split: Split, info: DatasetInfo, batch_size: int, crop: int) -> None:
    if batch_size < 1:
        raise InputError("at least 1", setting="batch_size", value=batch_size)
    if not 0 <= crop <= info.image_size:
        raise InputError(f"crop {crop}: 0 to {info.image_size} pixels, the size of the images")
    expected = (info.in_channels, info.image_size, info.image_size)
    if tuple(split.images.shape[1:]) != expected:
        raise InputError(f"{info.name}: images of shape {tuple(split.images.shape[1:])}; expected {expected}")
    if len(split) == 0 or len(split.images) != len(split.labels):
        raise InputError(f"{info.name}: {len(split.images)} images with {len(split.labels)} labels")
