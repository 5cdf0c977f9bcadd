"""The training loop: SGD with Nesterov momentum, averaged weights, checkpoints; the same run every time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lcsearch import layers
from lcsearch.core.autocast import arithmetic
from lcsearch.core.errors import InputError
from lcsearch.core.freed_memory import freed_memory_kept, give_freed_memory_back
from lcsearch.core.metric import ACCURACY, Metric
from lcsearch.core.pace import paced
from lcsearch.core.seeds import seed_everything, stream
from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.core.stopwatch import during, each_during
from lcsearch.data import Batches, SearchData
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets.layout import channels_last
from lcsearch.train.augmentation import crop_and_flip, resizes
from lcsearch.train.average import AveragedWeights, decay_per_step
from lcsearch.train.captured import Batch, step_by
from lcsearch.train.checkpoint import load_checkpoint, save_checkpoint
from lcsearch.train.evaluate import scores_of
from lcsearch.train.optimizer import cut_norm, make_optimizer, penalty
from lcsearch.train.results import EpochMetrics, TrainingFailed, TrainResult
from lcsearch.train.schedule import learning_rate
from lcsearch.train.teacher import Teacher, distillation_loss, teacher_for

_CHECK_EVERY = 16
"""Steps between looks at the losses: each look waits for the device."""


def train(
    model: nn.Module,
    data: SearchData,
    recipe: Recipe,
    regularizer: Regularizer,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    checkpoint: Path | None = None,
    report: Callable[[EpochMetrics], bool] = lambda metrics: True,
    start: Callable[[nn.Module], None] | None = None,
    teacher: Teacher | None = None,
    metric: Metric = ACCURACY,
) -> TrainResult:
    """Train a model in place; it ends up holding exactly the weights that were evaluated last.

    On a CPU with a fixed number of threads, two runs give the same bits, and so does a run that
    was killed and continues from its checkpoint (from the same initial weights or others).

    Args:
        model: The model with its initial weights; it is moved to the device.
        data: Training images, and the validation images that the accuracy is of.
        recipe: How to train.
        regularizer: Weight, step interval and reduction of the correlation loss.
        seed: Decides data order, augmentation and dropout.
        device: Where to train.
        checkpoint: File written after each epoch and continued from if it is there and sound.
        report: Called after each epoch; False ends the run now. A run that continues reports its
            last finished epoch once more. What it raises passes through, with the checkpoint kept.
        start: Gives the model other weights, whose accuracy is then measured before the first epoch; not
            called by a run that continues. None keeps the weights and measures nothing.
        teacher: Needed if the recipe distills: what the trained net says of the training images.
        metric: What the accuracy that is reported is.

    Raises:
        TrainingFailed: A loss or a weight became NaN or infinite.
        InputError: The recipe is out of range, the images do not fit the data set's facts, or the recipe
            distills and the teacher is missing or does not fit.
        OSError: The checkpoint could not be written.
    """
    _check(recipe)
    with during("building"):
        run = _Run(model, data, recipe, regularizer, seed, torch.device(device), teacher, metric)
    with fast_convolutions(model, device):
        resumed_from = run.begin(checkpoint, start)
        go_on = resumed_from == 0 or report(run.history[-1])
        with freed_memory_kept(device):
            while go_on and len(run.history) < recipe.epochs:
                run.epoch(checkpoint)
                go_on = report(run.history[-1])
    run.finish()
    return TrainResult(tuple(run.history), len(run.history) < recipe.epochs, resumed_from)


def _check(recipe: Recipe) -> None:
    at_least = {"epochs": (recipe.epochs, 1), "momentum": (recipe.momentum, 0), "clip": (recipe.clip, 0)}
    for name, (value, low) in at_least.items():
        if not value >= low:
            raise InputError(f"recipe: {name} is {value}; at least {low}")


class _Run:
    """The moving parts of one training run."""

    def __init__(
        self,
        model: nn.Module,
        data: SearchData,
        recipe: Recipe,
        regularizer: Regularizer,
        seed: int,
        device: torch.device,
        teacher: Teacher | None,
        metric: Metric,
    ) -> None:
        self.model = channels_last(model, device)
        self.data, self.recipe, self.regularizer = data, recipe, regularizer
        self.seed, self.device, self.metric = seed, device, metric
        self.teacher = teacher_for(teacher, data, recipe)
        crop, flip = crop_and_flip(recipe, data.info)
        self.batches = Batches(
            data.train,
            data.info,
            recipe.batch_size,
            augment=True,
            device=device,
            crop=crop,
            flip=flip,
            resized=resizes(recipe),
        )
        self.steps = recipe.epochs * len(self.batches)
        self.optimizer = make_optimizer(self.model, recipe)
        self.do_step = step_by(self._learn, self.optimizer, regularizer, self.steps, device)
        self.average = AveragedWeights(self.model, decay_per_step(recipe.average, len(self.batches)))
        self.history: list[EpochMetrics] = []
        self.accuracy_before: float | None = None

    def begin(self, checkpoint: Path | None, start: Callable[[nn.Module], None] | None) -> int:
        """Continue from the checkpoint, if there is one to use, or take over other weights and measure them.

        Returns:
            Finished epochs of the checkpoint; 0 where the run begins anew.
        """
        if checkpoint is not None and self._restore(checkpoint):
            return len(self.history)
        if start is not None:
            with during("fitting"):
                start(self.model)
                give_freed_memory_back()  # maps of many images went through larger nets
            self.accuracy_before = self._scores()[self.metric]
        return 0

    def epoch(self, checkpoint: Path | None) -> None:
        """Train one epoch, evaluate the averaged weights, append to the history, and save all."""
        begin = time.perf_counter()
        number = len(self.history) + 1
        seed_everything(stream(self.seed, number, "dropout"))
        generator = torch.Generator().manual_seed(stream(self.seed, number, "data"))
        self.model.train()
        losses = torch.zeros(len(self.batches), device=self.device)
        batches = paced(each_during("data", self._batches_of(number, generator)))
        for index, batch in enumerate(batches):
            losses[index] = self._step((number - 1) * len(self.batches) + index, batch)
            if index % _CHECK_EVERY == _CHECK_EVERY - 1:
                self._check(losses, number)
        self._check(losses, number)
        with self.average.in_place():
            self._check_weights(number)
            scores = self._scores()
        self.history.append(
            EpochMetrics(
                epoch=number,
                accuracy=scores[self.metric],
                train_loss=float(losses.double().mean()),
                seconds=time.perf_counter() - begin,
                learning_rate=self._rate(number * len(self.batches) - 1),
                accuracy_before=self.accuracy_before,
                plain_accuracy=None if self.metric == ACCURACY else scores[ACCURACY],
            )
        )
        if checkpoint is not None:
            with during("checkpoint"):
                self.save(checkpoint)

    def _scores(self) -> dict[Metric, float]:
        with during("evaluation"):
            return scores_of(
                self.model,
                self.data.validation,
                self.data.info,
                (self.metric, ACCURACY),
                device=self.device,
                precision=self.recipe.precision if self.device.type == "cpu" else "float32",
            )

    def _batches_of(self, epoch: int, generator: torch.Generator) -> Iterator[Batch]:
        """Images, labels, and the teacher's scores where there is a teacher."""
        if self.teacher is None:
            yield from ((images, labels, None) for images, labels in self.batches.epoch(generator))
            return
        outputs = self.teacher.epoch(epoch).to(self.device)
        for images, labels, chosen in self.batches.indexed(generator, self.teacher.view(epoch)):
            yield images, labels, outputs[chosen]

    def _rate(self, step: int) -> float:
        return learning_rate(step, self.steps, self.recipe.lr, self.recipe.warmup)

    def _step(self, step: int, batch: Batch) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step) * group.get("faster", 1.0)  # older checkpoints know of none
        loss = self.do_step(step, batch)
        with during("optimizer"):
            self._prune((step + 1) / self.steps)
            self.average.update(step)
        return loss

    def _learn(self, step: int, batch: Batch) -> Tensor:
        images, labels, wanted = batch
        with during("forward"):
            with arithmetic(self.recipe.precision, self.device):
                scores = self.model(images)
            loss = self._loss(scores.float(), labels, wanted)
            loss = loss + penalty(self.model, self.recipe, self.regularizer, step)
        self.optimizer.zero_grad(set_to_none=True)
        with during("backward"):
            loss.backward()
        with during("optimizer"):
            if self.recipe.clip > 0:
                cut_norm(self.model, self.recipe.clip)
            self.optimizer.step()
        return loss.detach()

    def _loss(self, scores: Tensor, labels: Tensor, wanted: Tensor | None) -> Tensor:
        loss = nn.functional.cross_entropy(scores, labels, label_smoothing=self.recipe.label_smoothing)
        if wanted is None:
            return loss
        return (1 - self.recipe.distill) * loss + self.recipe.distill * distillation_loss(scores, wanted)

    def _prune(self, progress: float) -> None:
        """Prune on schedule; done before the first epoch ends, where trials are first compared."""
        end = min(layers.PRUNE_END, 1 / self.recipe.epochs)
        layers.prune_coefficients(self.model, progress, start=min(layers.PRUNE_START, end / 10), end=end)

    def _check(self, losses: Tensor, epoch: int) -> None:
        finite = losses.isfinite().tolist()
        if not all(finite):
            index = finite.index(False)
            rate = self._rate((epoch - 1) * len(self.batches) + index)
            raise TrainingFailed(f"loss is {float(losses[index])}", epoch, index + 1, rate)

    def _check_weights(self, epoch: int) -> None:
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                steps = len(self.batches)
                raise TrainingFailed(f"{name} is not finite", epoch, steps, self._rate(epoch * steps - 1))

    def finish(self) -> None:
        """Leave the evaluated weights in the model, in evaluation mode.

        The average of a pruned coefficient remembers what it was before: masked, so of no effect, but not
        zero. One more pruning at the same progress makes it zero.
        """
        self.average.swap()
        self.model.train()
        self._prune(len(self.history) / self.recipe.epochs)
        self.model.eval()

    def _identity(self) -> str:
        tensors = [(name, list(t.shape), str(t.dtype)) for name, t in self.model.state_dict().items()]
        views = None if self.teacher is None else self.teacher.seed
        plain = [self.recipe.to_plain(), self.regularizer.to_plain(), self.seed, self.steps, tensors, views]
        if faster := [group["faster"] for group in self.optimizer.param_groups[2:]]:
            plain.append(faster)
        return json.dumps(plain, sort_keys=True)

    def save(self, path: Path) -> None:
        """Write everything that the next epochs depend on."""
        state: dict[str, Any] = {
            "identity": self._identity(),
            "history": [asdict(metrics) for metrics in self.history],
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state(),
        }
        save_checkpoint(path, state)

    def _restore(self, path: Path) -> bool:
        """Take over a checkpoint; False, with nothing changed, where there is none to use."""
        state = load_checkpoint(path, self._identity())
        if state is None:
            return False
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load(state["average"])
        self.history = [EpochMetrics(**metrics) for metrics in state["history"]]
        self.accuracy_before = self.history[-1].accuracy_before
        return True
