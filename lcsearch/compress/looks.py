"""What models that are cut out of trained nets do before any training, on images that nothing is fitted to.

These are the last training images, never validation images: the latter judge what was trained, and a choice
by them would make its accuracies look better than they are. The first training images cut the models out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from lcsearch.compress import quick
from lcsearch.compress.cut_out import first_images
from lcsearch.compress.quick import Passes, QuickCuts
from lcsearch.core.errors import InputError, halting
from lcsearch.core.job import WEIGHTS, Parent
from lcsearch.core.metric import Metric, score
from lcsearch.core.spec import ModelSpec, Precision
from lcsearch.core.stopwatch import during
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.data.answers import answers_of
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets.weights import load_backbone, load_parent

_BATCH = 250
_SOURCES = 8
"""Trained nets that are kept in memory, with what was worked out of them: a front's, mostly."""


class Images:
    """Training images that nothing is fitted to, and what models say of them.

    Args:
        split: The images.
        info: How they are normalised.
        metric: What an accuracy is.
        device: Where to compute.
        passes: Counts what is computed.
        precision: Of the forward passes.
    """

    def __init__(
        self,
        split: Split,
        info: DatasetInfo,
        metric: Metric,
        device: str,
        passes: Passes,
        precision: Precision = "float32",
    ) -> None:
        self._split, self._info, self._metric = split, info, metric
        self._device, self._passes, self._precision = device, passes, precision

    def __len__(self) -> int:
        return len(self._split)

    def answers(self, model: nn.Module, first: int, last: int) -> np.ndarray:
        """The classes that a model in evaluation mode takes some images for, (last - first,)."""
        some = Split(self._split.images[first:last], self._split.labels[first:last])
        self._passes.images += last - first
        with during("evaluation"), fast_convolutions(model, self._device):
            found = answers_of(model, some, self._info, _BATCH, self._device, self._precision)
            return found.cpu().numpy()

    def accuracy(self, answers: np.ndarray) -> float:
        """How many of the first images' classes are right, by the metric, in percent."""
        return score(self._metric, self._split.labels[: len(answers)].numpy(), answers)


class Cut:
    """A model in evaluation mode, judged on more and more images.

    Args:
        model: The model; None for one that cannot be cut out, of which nothing is right.
        images: What it is judged by.
    """

    def __init__(self, model: nn.Module | None, images: Images) -> None:
        self._model, self._images = model, images
        self._answers = np.empty(0, dtype=np.int64)

    @property
    def able(self) -> bool:
        """Whether it could be cut out."""
        return self._model is not None

    def accuracy(self, count: int) -> float:
        """On so many first images, in percent; no fewer than the last time."""
        if self._model is None:
            return 0.0
        more = self._images.answers(self._model, len(self._answers), count)
        self._answers = np.concatenate([self._answers, more])
        return self._images.accuracy(self._answers)


class Looker:
    """Cuts models out of trained nets, and keeps what was worked out of these.

    Args:
        data: The images that the run trains on.
        held: The last ones of them, which judge.
        metric: What an accuracy is.
        device: Where to compute.
        precision: What models are evaluated in; they are cut out in float32.

    Attributes:
        passes: Counts the images that went forward through a net.
    """

    def __init__(
        self, data: SearchData, held: int, metric: Metric, device: str, precision: Precision
    ) -> None:
        self._data, self._device, self.passes = data, device, Passes()
        last = Split(data.train.images[-held:], data.train.labels[-held:])
        self._images = Images(last, data.info, metric, device, self.passes, precision)
        self._sources: dict[str, QuickCuts] = {}
        self._most: dict[str, float] = {}

    def most(self, model: ModelSpec, start: str, parent: Parent | None) -> float:
        """The accuracy in percent, on all images, of what a model is cut out of.

        Args:
            model: What is cut out.
            start: Holds the trained backbone's weights.
            parent: What it is cut out of, if not of the backbone.

        Raises:
            HaltError: The weights cannot be read.
        """
        folder = start if parent is None else parent.folder
        if folder not in self._most:
            whole = self._source(model, folder, parent).whole
            self._most[folder] = Cut(whole, self._images).accuracy(len(self._images))
        return self._most[folder]

    def cut(self, model: ModelSpec, start: str, parent: Parent | None) -> Cut:
        """Cut a model out; arguments as of `most`.

        Raises:
            OutOfMemoryError: The device's memory is full, of which the model may be innocent.
        """
        source = self._source(model, start if parent is None else parent.folder, parent)
        try:
            with during("fitting"):
                return Cut(source.cut(model).eval(), self._images)
        except torch.OutOfMemoryError:
            raise
        except (InputError, ValueError, RuntimeError):  # the trial, if it is one, says why it fails
            return Cut(None, self._images)

    def passed(self) -> int:
        """Images that went forward through a net since this was last asked."""
        since, self.passes.images = self.passes.images, 0
        return since

    def _source(self, model: ModelSpec, folder: str, parent: Parent | None) -> QuickCuts:
        """What cuts models out of a trained net; the net that was used longest ago makes room for another."""
        found = self._sources.pop(folder, None)
        while len(self._sources) >= _SOURCES:
            del self._sources[next(iter(self._sources))]
        self._sources[folder] = found or self._made(model, folder, parent)
        return self._sources[folder]

    def _made(self, model: ModelSpec, folder: str, parent: Parent | None) -> QuickCuts:
        with halting():
            if parent is None:
                whole, before = load_backbone(model, Path(folder)), dict[str, float]()
            else:
                whole, before = load_parent(parent.model, Path(folder) / WEIGHTS), dict(parent.model.channels)
        most = min(quick.IMAGES, len(self._data.train) - len(self._images))
        few = first_images(self._data, most, self._device)
        return QuickCuts(whole.to(self._device), before, few, self.passes)
