"""A trial as the search sees it: a job in, metrics out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from lcsearch.compress.cut_out import cut_out
from lcsearch.compress.looks import Looker
from lcsearch.core.device import pick_device
from lcsearch.core.errors import HaltError, InputError, halting, without_settings
from lcsearch.core.job import CHECKPOINT, WEIGHTS, Job, Report
from lcsearch.core.look import Look
from lcsearch.core.metric import ACCURACY, PLAIN_ACCURACY, Metric
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.records import ACCURACY_BEFORE
from lcsearch.core.room import USUAL, Room
from lcsearch.core.seeds import seed_everything, stream
from lcsearch.core.spec import Precision
from lcsearch.core.stopwatch import during
from lcsearch.core.threads import computing_on
from lcsearch.data import SearchData
from lcsearch.data.digest import seen_digest
from lcsearch.data.recorded import RecordedImages, Source, load_recorded
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets import surgery
from lcsearch.nets.layout import channels_last
from lcsearch.nets.tensors import write_state
from lcsearch.nets.weights import load_backbone, load_parent, read_own
from lcsearch.train.looking import look_at, look_first, looker_of
from lcsearch.train.loop import train
from lcsearch.train.results import EpochMetrics, TrainingFailed, TrainResult
from lcsearch.train.start import Start
from lcsearch.train.teacher import Teacher, read_teacher

_loaded: dict[tuple[Source, str, Normalisation | None], SearchData] = {}


@dataclass(frozen=True)
class TrainObjective:
    """Builds a job's model, trains it and leaves its weights in the job's folder. Picklable.

    Attributes:
        dataset: A name that `lcsearch.data.load` takes.
        data_dir: Where the data set's files are looked for first.
        train_images: Training images; None for all.
        validation_images: Validation images; None for the data set's own share.
        image_size: Side in pixels; None for the data set's own.
        own_validation: Whether a validation part of the data set's own is used.
        normalisation: What nets expect of images; None for the data set's own.
        device: ``auto``, or a device name of PyTorch.
        threads: CPU threads of a trial whose job names none; 0 leaves PyTorch's choice.
        metric: What is measured on validation images and called accuracy.
        seen: Digest of the images that the driver saw; any will do where it is empty.
        recorded: The split to train on where the images have changed since; None divides them anew.
        room: For decoded images.
    """

    dataset: str
    data_dir: str | None = None
    train_images: int | None = None
    validation_images: int | None = None
    image_size: int | None = None
    own_validation: bool = True
    normalisation: Normalisation | None = None
    device: str = "auto"
    threads: int = 0
    metric: Metric = ACCURACY
    seen: str = ""
    recorded: RecordedImages | None = None
    room: Room = USUAL

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        """Train one trial.

        Where the recipe says so, its model is cut out of the trained backbone in the job's start folder (or
        continues from the compressed weights that lie there, or from its parent's own), and learns from the
        backbone's outputs there.
        Its folder then holds its weights, exactly those whose accuracy is returned, unless the report stopped
        it. While it trains, a checkpoint is there; it stays if the report raises or the process dies.

        Returns:
            ``accuracy`` (validation, percent), ``train_loss`` and ``epochs`` of the last epoch; where the
            model did not start from fresh weights also ``accuracy_before``, that of what it started from;
            where it continued from a checkpoint also ``resumed_from``, the checkpoint's last epoch; where
            the metric is another one also ``plain_accuracy``, the share of right answers in percent.

        Raises:
            TrainingFailed: The training diverged.
            HaltError: The images or what the job starts from cannot be read, the images are not those that
                the driver saw, or its folder cannot be written.
            OSError: The disk is full or lost.
        """
        checkpoint = prepare_folder(job, self.threads)
        if job.held:
            look_first(job, self._looker(job.held, job.spec.recipe.precision), report)
        with during("building"):
            model = self.build(job)
        try:
            result = self._train(model, job, report, checkpoint)
        except TrainingFailed:
            checkpoint.unlink(missing_ok=True)
            raise
        if not result.stopped:
            with halting(), during("checkpoint"):
                write_state(model.state_dict(), Path(job.directory) / WEIGHTS)
        checkpoint.unlink(missing_ok=True)
        return _final(result)

    def look(self, look: Look, report: Report) -> Mapping[str, float]:
        """Cut candidates out of the trained nets that the look names, and judge them before any training.

        Raises:
            HaltError: The images or the nets cannot be read, or the images are not those that the driver saw.
        """
        with computing_on(self.threads):
            look_at(look, self._looker(look.held, look.precision), report)
        return {}

    def _looker(self, held: int, precision: Precision) -> Looker:
        """What cuts candidates out; it keeps what it has worked out of the nets that they are cut out of."""
        with during("data"):
            data = self.data()
        device = pick_device(self.device)
        key = self._key, held, self.metric, device, precision
        return looker_of(key, lambda: Looker(data, held, self.metric, device, precision))

    def _train(self, model: nn.Module, job: Job, report: Report, checkpoint: Path) -> TrainResult:
        device = pick_device(self.device)
        with during("data"):
            data = self.data()
        return train(
            model,
            data,
            job.spec.recipe,
            job.spec.regularizer,
            seed=job.seed,
            device=device,
            checkpoint=checkpoint,
            report=lambda metrics: report(metrics.epoch, _plain(metrics)),
            start=start_of(job, data, device),
            teacher=_teacher_of(job),
            metric=self.metric,
        )

    def build(self, job: Job) -> nn.Module:
        """The job's model with fresh weights, on the CPU: the same on every device."""
        seed_everything(stream(job.seed, "weights"))
        return surgery.build_model(job.spec.model)

    def data(self) -> SearchData:
        """Training and validation images, read once per process.

        Raises:
            HaltError: They cannot be read, or are not those that the driver saw: no trial is to blame.
        """
        if self._key not in _loaded:
            _loaded.clear()
            _loaded[self._key] = self._read().normalised(self.normalisation)
        return _loaded[self._key]

    def use_data(self, data: SearchData) -> None:
        """Let this process train on data that is already in memory."""
        _loaded.clear()
        _loaded[self._key] = data

    def _read(self) -> SearchData:
        try:
            if self.recorded is not None:
                data = load_recorded(self.recorded, self.source).data
            else:
                data = self.source.load()
        except (InputError, OSError) as error:
            raise HaltError(f"the images cannot be read: {without_settings(error)}") from error
        if self.seen and seen_digest(data) != self.seen:
            raise HaltError(f"the images of {self.dataset} are not those that were there as the run started")
        return data

    @property
    def source(self) -> Source:
        """Where the images are read from."""
        numbers = self.train_images, self.validation_images, self.image_size
        return Source(self.dataset, self.data_dir, *numbers, self.own_validation, self.room)

    @property
    def _key(self) -> tuple[Source, str, Normalisation | None]:
        return self.source, self.seen, self.normalisation


def prepare_folder(job: Job, threads: int) -> Path:
    """Get ready for a trial: its folder is made, and an old checkpoint removed unless it may be continued.

    Args:
        job: The trial.
        threads: CPU threads of this process unless the job names another number; 0 leaves PyTorch's choice.

    Returns:
        Where its checkpoint goes.

    Raises:
        HaltError: The folder cannot be made or written.
    """
    if job.threads or threads:
        torch.set_num_threads(job.threads or threads)
    checkpoint = Path(job.directory) / CHECKPOINT
    with halting():
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        if not job.resume:
            checkpoint.unlink(missing_ok=True)
    return checkpoint


def start_of(job: Job, data: SearchData, device: str) -> Callable[[nn.Module], None] | None:
    """What gives a job's model its initial weights; None where the fresh ones are meant.

    Args:
        job: The job, with its start folder.
        data: Its first training images are what a cut-out model is fitted to.
        device: Where to compute.
    """
    if job.spec.recipe.init == "scratch":
        return None

    @torch.no_grad()
    def begin(model: nn.Module) -> None:
        if job.parent is not None and job.spec.recipe.init == "trial":
            with halting():
                model.load_state_dict(read_own(Path(job.parent.folder) / WEIGHTS, model))
            return
        start = _folder(job)
        if start.compressed.is_file():
            with halting():
                model.load_state_dict(start.read_compressed(model))
            return
        spec, before = job.spec.model, dict[str, float]()
        with halting():
            if job.parent is not None:
                whole = load_parent(job.parent.model, Path(job.parent.folder) / WEIGHTS)
                before |= job.parent.model.channels
            else:
                whole = load_backbone(spec, start.folder)
        whole = channels_last(whole, torch.device(device))
        with fast_convolutions(whole, device):
            small = cut_out(whole, spec, data, before=before, device=device)
        model.load_state_dict(small.state_dict())

    return begin


def _teacher_of(job: Job) -> Teacher | None:
    if job.spec.recipe.distill == 0:
        return None
    path = _folder(job).teacher_of(job.spec.recipe)
    with halting():
        return read_teacher(path)


def _folder(job: Job) -> Start:
    if not job.start:
        raise InputError(f"trial {job.number}: its recipe needs a trained backbone, and there is none")
    return Start(Path(job.start))


def _final(result: TrainResult) -> dict[str, float]:
    last = result.history[-1]
    final = {"accuracy": last.accuracy, "train_loss": last.train_loss, "epochs": float(last.epoch)}
    resumed = {"resumed_from": float(result.resumed_from)} if result.resumed_from else {}
    return final | _beside(last) | resumed


def _beside(metrics: EpochMetrics) -> dict[str, float]:
    found = {ACCURACY_BEFORE: metrics.accuracy_before, PLAIN_ACCURACY: metrics.plain_accuracy}
    return {name: value for name, value in found.items() if value is not None}


def _plain(metrics: EpochMetrics) -> dict[str, float]:
    return _beside(metrics) | {
        "accuracy": metrics.accuracy,
        "train_loss": metrics.train_loss,
        "seconds": metrics.seconds,
        "learning_rate": metrics.learning_rate,
    }
