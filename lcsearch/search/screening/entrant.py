"""Candidates as they are screened: cut out when they are first looked at, and evaluated image by image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from lcsearch.compress.quick import Passes
from lcsearch.core.errors import InputError
from lcsearch.core.metric import Metric, score
from lcsearch.data import Batches, DatasetInfo, Split
from lcsearch.layers.fast_convolution import fast_convolutions

_BATCH = 250


class Images:
    """Training images that nothing is fitted to, and what models say of them.

    Args:
        split: The images.
        info: How they are normalised.
        metric: What an accuracy is.
        device: Where to compute.
        passes: Counts what is computed.
    """

    def __init__(self, split: Split, info: DatasetInfo, metric: Metric, device: str, passes: Passes) -> None:
        self._split, self._info, self._metric = split, info, metric
        self._device, self._passes = device, passes

    def __len__(self) -> int:
        return len(self._split)

    @torch.no_grad()
    def answers(self, model: nn.Module, first: int, last: int) -> np.ndarray:
        """The classes that a model in evaluation mode takes some images for, (last - first,)."""
        some = Split(self._split.images[first:last], self._split.labels[first:last])
        batches = Batches(some, self._info, _BATCH, augment=False, device=self._device)
        self._passes.images += last - first
        with fast_convolutions(model, self._device):
            return torch.cat([model(images).argmax(1) for images, _ in batches.epoch()]).cpu().numpy()

    def accuracy(self, answers: np.ndarray) -> float:
        """How many of the first images' classes are right, by the metric, in percent."""
        return score(self._metric, self._split.labels[: len(answers)].numpy(), answers)


class Cut:
    """A candidate that is cut out of a trained net.

    Args:
        make: Cuts it out; called once, if ever.
        images: What it is evaluated on.
        most: What it is cut out of reaches there, in percent.
        told: Called before it is cut out.

    Attributes:
        most: As given.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        images: Images,
        most: float = 100.0,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._make, self._images, self.most, self._told = make, images, most, told
        self._model: nn.Module | None = None
        self._answers = np.empty(0, dtype=np.int64)
        self._made = False

    def accuracy(self, images: int) -> float:
        """As `lcsearch.search.screening.race.Entrant` has it; nothing of what cannot be cut out is right."""
        if not self._made:
            self._made = True
            self._told()
            try:
                self._model = self._make().eval()
            except (InputError, ValueError, RuntimeError):  # the trial, if it is one, says why it fails
                self.most = 0.0
        if self._model is None:
            return 0.0
        known = len(self._answers)
        if images > known:
            more = self._images.answers(self._model, known, images)
            self._answers = np.concatenate([self._answers, more])
        accuracy = self._images.accuracy(self._answers[:images])
        if images >= len(self._images):
            self._model = None  # its memory is for the next one
        return accuracy
