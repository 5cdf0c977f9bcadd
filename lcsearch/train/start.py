"""The start folder: what trials start from, written once by the run and read by whoever trains."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from lcsearch.compress.sensitivity import Sensitivity, measure
from lcsearch.compress.thin_sensitivity import Counts
from lcsearch.core.device import pick_device
from lcsearch.core.errors import InputError
from lcsearch.core.files import write_text
from lcsearch.core.job import BACKBONE, Progress
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.core.threads import computing_on
from lcsearch.data import SearchData
from lcsearch.layers import lookup
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.nets.channels import ChannelGroups
from lcsearch.nets.layout import channels_last
from lcsearch.nets.surgery import build_model
from lcsearch.nets.tensors import write_state
from lcsearch.nets.weights import (
    GivenWeights,
    load_backbone,
    pretrained_weights,
    read_own,
    read_weights,
)
from lcsearch.train.augmentation import same_views
from lcsearch.train.teacher import knows_images, make_teacher, write_teacher

_NO_GROUPS = ChannelGroups()
_NO_COUNTS: Counts = MappingProxyType({})


class Start:
    """Names of the files in a start folder, and what is read from them.

    Args:
        folder: The folder; it need not be there yet.

    Attributes:
        backbone: The trained backbone's state.
        compressed: The state of the very model that is trained, which then is not cut out of the backbone.
        teacher: What the backbone says of the training images, in the views that fine-tuning shows.
        scratch_teacher: Likewise where training from scratch shows others; missing where it does not.
        sensitivity: What each layer loses when it is compressed alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backbone = folder / BACKBONE
        self.compressed = folder / "compressed.safetensors"
        self.teacher = folder / "teacher.safetensors"
        self.scratch_teacher = folder / "teacher_scratch.safetensors"
        self.sensitivity = folder / "sensitivity.json"

    def write_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Write the backbone's state, whole or not at all; the folder is made if need be.

        Raises:
            InputError: The folder is not writable.
            OSError: The disk is full.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_state(state, self.backbone)

    def teacher_of(self, recipe: Recipe) -> Path:
        """The file of the teacher that a training learns from."""
        own = {"scratch": self.scratch_teacher, "trial": self.longer_teacher(recipe.epochs)}.get(recipe.init)
        return self.teacher if own is None or not own.is_file() else own

    def longer_teacher(self, epochs: int) -> Path:
        """Likewise where models train on for so many epochs; missing where that shows the same views."""
        return self.folder / f"teacher_longer_{epochs}.safetensors"

    def read_compressed(self, model: nn.Module) -> dict[str, Tensor]:
        """Read the weights that a model continues from.

        Args:
            model: What they are for; it is left as it is.

        Raises:
            InputError: The file is damaged, or holds the weights of another model.
        """
        return read_own(self.compressed, model)

    def write_sensitivity(self, found: Sensitivity) -> None:
        """Write the layers' sensitivity, whole or not at all.

        Raises:
            InputError: The folder is not writable.
            OSError: The disk is full.
        """
        write_text(self.sensitivity, json.dumps(found.to_plain(), indent=1))

    def read_sensitivity(self) -> Sensitivity:
        """Read what `write_sensitivity` wrote.

        Raises:
            InputError: The file is missing or damaged.
        """
        try:
            return Sensitivity.from_plain(json.loads(self.sensitivity.read_text(encoding="utf-8")))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.sensitivity}: does not read ({error}); remove it and resume the run"
            ) from None


def given_weights(
    init: str, plain: ModelSpec, *, seed: int, new_head: bool, image_size: int
) -> GivenWeights | None:
    """Read the weights that a run is to start from, and check that they fit.

    Args:
        init: Where models start.
        plain: The plain backbone.
        seed: Seeds what is made new.
        new_head: Whether the layer that gives the logits is.
        image_size: Height and width of the images, in pixels.

    Returns:
        The backbone's weights; None where the run makes it itself or needs none.

    Raises:
        InputError: They cannot be had, or do not fit the backbone.
    """
    if init in ("scratch", "trained"):
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        model = build_model(plain)
    shape = (plain.in_channels, image_size, image_size)
    if init == "pretrained":
        return pretrained_weights(plain.backbone, model, new_head=new_head, shape=shape)
    return read_weights(Path(init), model, new_head=new_head, shape=shape)


def prepare(
    folder: Path,
    *,
    template: ModelSpec,
    layers: Sequence[str],
    groups: ChannelGroups = _NO_GROUPS,
    counts: Counts = _NO_COUNTS,
    families: Sequence[str] | None = None,
    data: Callable[[], SearchData],
    recipe: Recipe,
    scratch: Recipe | None = None,
    longer: Recipe | None = None,
    seed: int,
    device: str,
    threads: int = 0,
    seen: str = "",
    progress: Progress = lambda line: None,
) -> None:
    """Fill a start folder that holds the backbone's weights; what is there already is left as it is.

    Args:
        folder: The start folder.
        template: The plain backbone.
        layers: Names of the convolutions that are searched.
        groups: Its groups of channels.
        counts: How many channels of each are tried, as `measure` takes it.
        families: What layers may become; None for every family.
        data: Called for the images where they are needed.
        recipe: How cut-out models are trained: its share of distillation, epochs, crop, flip and precision.
        scratch: Likewise how nets are trained from scratch that learn from it; None where there are none.
        longer: Likewise how models are trained on; None where none are.
        seed: The views that the teacher's scores are of are drawn from it.
        device: Where to compute; ``auto`` is allowed.
        threads: CPU threads meanwhile; 0 leaves PyTorch's choice.
        seen: Digest of the images: a teacher's scores of others are computed anew.
        progress: Hears what is being done; what it raises passes through, and a later call goes on.

    Raises:
        InputError: The backbone's weights are missing or damaged, or the folder is not writable.
        OSError: The disk is full.
    """
    start = Start(folder)
    with computing_on(threads):
        for path, one in _teachers(start, recipe, scratch, longer):
            if not knows_images(path, seen):
                write_teacher_of(
                    start, template, data(), one, path=path, seed=seed, device=device, progress=progress
                )
        if not start.sensitivity.is_file():
            progress("measuring what each layer loses")
            chosen = torch.device(pick_device(device))
            backbone = channels_last(load_backbone(template, start.folder), chosen)
            ways, precision = partial(lookup.ways, families=families), recipe.precision
            measured = partial(measure, ways=ways, groups=groups, counts=counts, precision=precision)
            with fast_convolutions(backbone, chosen):
                found = measured(backbone, layers, data(), progress=progress)
            start.write_sensitivity(found)


def _teachers(
    start: Start, recipe: Recipe, scratch: Recipe | None, longer: Recipe | None
) -> Iterator[tuple[Path, Recipe]]:
    """The files of teachers that are needed, and who learns from them."""
    if recipe.distill > 0:
        yield start.teacher, recipe
    if scratch is not None and scratch.distill > 0 and not same_views(recipe, scratch):
        yield start.scratch_teacher, scratch
    if longer is not None and longer.distill > 0 and not same_views(recipe, longer):
        yield start.longer_teacher(longer.epochs), longer


def write_teacher_of(
    start: Start,
    template: ModelSpec,
    data: SearchData,
    recipe: Recipe,
    *,
    path: Path | None = None,
    seed: int,
    device: str,
    progress: Progress = lambda line: None,
) -> None:
    """Write what the backbone of a start folder says of the training images, by default as its teacher.

    Raises:
        InputError: The backbone's weights are missing or damaged, or the folder is not writable.
        OSError: The disk is full.
    """
    progress("computing the backbone's outputs")
    backbone = load_backbone(template, start.folder)
    teacher = make_teacher(backbone, data, recipe, seed=seed, device=pick_device(device), progress=progress)
    write_teacher(teacher, path or start.teacher)
