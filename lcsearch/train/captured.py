"""Training steps that a GPU is told of once: CUDA graphs, where telling takes longer than doing.

A step of a small net is hundreds of short operations, and a processor needs longer to ask for them than a GPU
to do them. A graph of the whole step is asked for in one piece.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import torch
from torch import Tensor

from lcsearch.core.spec import Regularizer
from lcsearch.core.stopwatch import during, unmeasured
from lcsearch.train.optimizer import regularized

Batch = tuple[Tensor, Tensor, Tensor | None]
"""Images, labels, and the teacher's scores where there is a teacher."""
Learn = Callable[[int, Batch], Tensor]
"""Does a step of that number on a batch (forward, backward, optimizer) and returns the loss before it."""

WORTH = 50
"""Steps that must be left: to capture one takes about as long as a few of them."""
_WARM, _TIMED = 3, 3
"""Steps before the first that is looked at, in which libraries get ready; steps that are timed."""
_ASKING = 0.5
"""Share of a step's time that asking for it takes, at least: below it the GPU is busy anyway."""
_WAITS = "called a synchronizing CUDA operation"
"""What PyTorch warns of where a step waits for the GPU."""


def step_by(
    learn: Learn, optimizer: torch.optim.Optimizer, regularizer: Regularizer, steps: int, device: torch.device
) -> Learn:
    """What does the steps of a training: graphs where there is a CUDA GPU, else ``learn`` itself.

    Args:
        learn: Does a step.
        optimizer: What it ends with.
        regularizer: Which is in the loss of some steps only.
        steps: Of the whole training.
        device: Where the training is.
    """
    if device.type != "cuda" or not optimizer.defaults["fused"]:
        return learn
    return CapturedSteps(learn, optimizer, partial(regularized, regularizer), steps)


class CapturedSteps:
    """Steps of one training: the first as usual, the others from a graph where that pays and can be done.

    It cannot where a step waits for the GPU, as a net does that looks at numbers of its own, or where
    something is drawn from a generator of the CPU: a graph would draw it once for all steps.

    Args:
        learn: Does a step. Steps of one kind do the same operations on the same tensors, those of the batch
            and the learning rates aside.
        optimizer: Whose learning rates change from step to step; it takes tensors for them.
        kind: The kind of a step, by its number.
        steps: Of the whole training.
    """

    def __init__(
        self, learn: Learn, optimizer: torch.optim.Optimizer, kind: Callable[[int], bool], steps: int
    ) -> None:
        self._learn, self._optimizer, self._kind, self._steps = learn, optimizer, kind, steps
        self._done = 0
        self._asking = list[float]()
        self._seen = set[bool]()
        self._graphs = dict[bool, _Graph]()
        self.pays: bool | None = None
        """Whether steps are captured; None as long as that is not known."""

    def __call__(self, step: int, batch: Batch) -> Tensor:
        """Do a step and return the loss before it, which the next step of a graph overwrites."""
        kind = self._kind(step)
        graph = self._graphs.get(kind)
        if graph is None and self.pays and kind in self._seen and self._steps - step >= WORTH:
            graph = self._captured(kind, step, batch)
        if graph is not None and graph.fits(batch):
            with during("step"):
                return graph.replay(batch)
        self._seen.add(kind)
        self._done += 1
        return self._learn(step, batch) if self.pays is not None else self._tried(step, batch)

    def _tried(self, step: int, batch: Batch) -> Tensor:
        """Do one of the first steps and learn from it whether graphs pay."""
        if self._done <= _WARM:
            return self._learn(step, batch)
        if self._done == _WARM + 1:
            with _watched() as hindrances:
                loss = self._learn(step, batch)
            if hindrances:
                self.pays = False
            return loss
        device = batch[0].device
        with during("step"), unmeasured():
            torch.cuda.synchronize(device)
            begin = time.perf_counter()
            loss = self._learn(step, batch)
            asked = time.perf_counter() - begin
            torch.cuda.synchronize(device)
            self._asking.append(asked / (time.perf_counter() - begin))
        if len(self._asking) == _TIMED:
            self.pays = median(self._asking) >= _ASKING
        return loss

    def _captured(self, kind: bool, step: int, batch: Batch) -> _Graph | None:
        """The graph of a step, which is not done yet; None where it cannot be made after all."""
        with during("step"), unmeasured():
            try:
                self._graphs[kind] = _Graph.of(self._learn, self._optimizer, step, batch)
            except RuntimeError:
                self.pays = False
            self._optimizer.zero_grad(set_to_none=True)
        return self._graphs.get(kind)


@dataclass(frozen=True, eq=False)
class _Graph:
    """A captured step.

    Attributes:
        graph: What the GPU does.
        batch: The tensors that it reads.
        rates: Likewise the learning rate of each group of the optimizer.
        optimizer: Which says what these are.
        loss: What it writes.
    """

    graph: torch.cuda.CUDAGraph
    batch: Sequence[Tensor | None]
    rates: Sequence[Tensor]
    optimizer: torch.optim.Optimizer
    loss: Tensor

    @classmethod
    def of(cls, learn: Learn, optimizer: torch.optim.Optimizer, step: int, batch: Batch) -> _Graph:
        """Capture a step.

        Raises:
            RuntimeError: Something in it cannot be captured.
        """
        images, labels, wanted = batch
        own = images.clone(), labels.clone(), None if wanted is None else wanted.clone()
        rates = [torch.zeros((), device=images.device) for _ in optimizer.param_groups]
        said = [group["lr"] for group in optimizer.param_groups]
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()  # a graph has memory of its own
        graph = torch.cuda.CUDAGraph()
        try:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
            with (
                torch.cuda.device(images.device),
                _put_back(),
                torch.cuda.graph(graph, capture_error_mode="thread_local"),
            ):
                loss = learn(step, own)
        finally:
            for group, rate in zip(optimizer.param_groups, said, strict=True):
                group["lr"] = rate
        return cls(graph, own, rates, optimizer, loss)

    def fits(self, batch: Batch) -> bool:
        """Whether a batch is of the shape that was captured."""
        return all(
            (one is None) == (own is None) and (one is None or own is None or one.shape == own.shape)
            for one, own in zip(batch, self.batch, strict=True)
        )

    def replay(self, batch: Batch) -> Tensor:
        """Do the step on another batch at the optimizer's present rates."""
        for own, one in zip(self.batch, batch, strict=True):
            if own is not None and one is not None:
                own.copy_(one)
        for rate, group in zip(self.rates, self.optimizer.param_groups, strict=True):
            rate.fill_(group["lr"])
        self.graph.replay()
        return self.loss


@contextmanager
def _put_back() -> Iterator[None]:
    """Put back what a failed capture leaves behind: its stream, and a generator that waits for its end."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    before, stream = generator.clone_state(), torch.cuda.current_stream()
    try:
        yield
    except RuntimeError:
        generator.graphsafe_set_state(before.graphsafe_get_state())
        torch.cuda.set_stream(stream)
        raise


@contextmanager
def _watched() -> Iterator[list[str]]:
    """What happens inside that a graph could not repeat; known once the block has ended."""
    found = list[str]()
    mode = torch.cuda.get_sync_debug_mode()
    before = _generators()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with unmeasured():
                yield found
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    found += [str(one.message) for one in caught if _WAITS in str(one.message)]
    if _generators() != before:
        found.append("a generator of the CPU was drawn from")


def _generators() -> tuple[object, ...]:
    """States of the CPU's generators: Python's, NumPy's and PyTorch's."""
    _, keys, *rest = np.random.get_state()
    return random.getstate(), np.asarray(keys).tobytes(), rest, torch.get_rng_state().numpy().tobytes()
