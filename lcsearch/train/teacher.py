"""Learning from a trained net's outputs as well as from the labels.

What the trained net says of every training image is computed once, for all trials that learn from it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.files import write_bytes
from lcsearch.core.job import Progress
from lcsearch.core.seeds import stream
from lcsearch.core.spec import Recipe
from lcsearch.data import Batches, SearchData
from lcsearch.data.digest import seen_digest
from lcsearch.layers.fast_convolution import fast_convolutions
from lcsearch.train.augmentation import crop_and_flip, resizes

_BATCH = 250
TEMPERATURE = 2.0
"""Softens both outputs, so that the student also learns which wrong classes are nearly right.

The best of 1, 2 and 4 for `base` cut to 1/4 and 1/16 of its parameters, one epoch on 10,000 images of 16
pixels of Fashion-MNIST, share 0.5, 2 seeds: 87.6 and 82.8 % (1: 87.5, 82.8; 4: 87.8, 81.8; no distillation:
87.2, 82.1).
"""


@dataclass(frozen=True, eq=False)
class Teacher:
    """What a trained net says of every training image, in every view of it, written down once.

    Attributes:
        outputs: Scores before the softmax, float32, (views, images, classes).
        seed: Views are drawn from it, and from nothing of the student's: every student sees the same.
        crop: Padding of the random crop in pixels, as the views have it.
        flip: Whether views are mirrored.
        images: Digest of the images; empty where an old version computed the scores.
        resized: Whether views are random resized crops.
    """

    outputs: Tensor
    seed: int
    crop: int
    flip: bool
    images: str = ""
    resized: bool = False

    @property
    def augments(self) -> bool:
        """Whether one view differs from the next."""
        return self.crop > 0 or self.flip or self.resized

    def view(self, epoch: int) -> torch.Generator:
        """What crops and flips of an epoch (1 for the first) are drawn from."""
        return view_generator(self.seed, epoch)

    def epoch(self, epoch: int) -> Tensor:
        """The scores (images, classes) of the view that an epoch (1 for the first) shows."""
        outputs: Tensor = self.outputs[epoch - 1 if self.augments else 0]
        return outputs


def view_generator(seed: int, epoch: int) -> torch.Generator:
    """What crops and flips of view ``epoch`` (1 for the first) are drawn from."""
    return torch.Generator().manual_seed(stream(seed, "view", epoch))


def distillation_loss(scores: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Divergence of the student's softened outputs from the teacher's, mean over images.

    It is KL(teacher, student) of both softmaxes at the temperature, times its square, which keeps the
    gradient's size whatever the temperature (Hinton, Vinyals, Dean 2015, arXiv 1503.02531).

    Args:
        scores: Of the student, (b, classes).
        teacher: Of the teacher, (b, classes).
        temperature: What scores are divided by.
    """
    student = F.log_softmax(scores / temperature, dim=1)
    wanted = F.log_softmax(teacher / temperature, dim=1)
    return temperature**2 * F.kl_div(student, wanted, reduction="batchmean", log_target=True)


def teacher_for(teacher: Teacher | None, data: SearchData, recipe: Recipe) -> Teacher | None:
    """The teacher of a training, checked to fit it; None where its recipe does not distill.

    Raises:
        InputError: It distills and there is no teacher, or one of other images or views.
    """
    if recipe.distill == 0:
        return None
    if teacher is None:
        raise InputError(
            f"recipe: distill is {recipe.distill}, but there is no trained backbone to learn from"
        )
    crop, flip = crop_and_flip(recipe, data.info)
    resized = resizes(recipe)
    views = recipe.epochs if crop or flip or resized else 1
    wanted = (crop, flip, resized, len(data.train), data.info.num_classes)
    found = (teacher.crop, teacher.flip, teacher.resized, *teacher.outputs.shape[1:])
    if found != wanted or len(teacher.outputs) < views:
        raise InputError(
            f"recipe: the backbone's outputs are of {_described(len(teacher.outputs), found)}; this training "
            f"needs {_described(views, wanted)}"
        )
    return teacher


def _described(views: int, facts: tuple[int, ...]) -> str:
    crop, flip, resized, images, classes = facts
    kind = f"{'resized crops' if resized else f'crop {crop}'}, {'flips' if flip else 'no flips'}"
    return f"{views} views ({kind}) of {images} images, {classes} classes"


def make_teacher(
    backbone: nn.Module,
    data: SearchData,
    recipe: Recipe,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    progress: Progress = lambda words: None,
) -> Teacher:
    """Compute the backbone's scores of all training images, in as many views as the recipe has.

    Without crops and flips there is one view; with them there is one for each epoch.

    Args:
        backbone: The trained backbone; it is moved to the device, and its mode is put back.
        data: Its training images.
        recipe: Of those who learn from it: epochs, crop and flip.
        seed: The views are drawn from it.
        device: Where to compute.
        progress: Called with a few words now and then; what it raises passes through.
    """
    crop, flip = crop_and_flip(recipe, data.info)
    resized = resizes(recipe)
    batches = Batches(
        data.train, data.info, _BATCH, augment=True, device=device, crop=crop, flip=flip, resized=resized
    )
    views = recipe.epochs if crop or flip or resized else 1
    was_training = backbone.training
    backbone.to(device).eval()
    outputs = []
    with fast_convolutions(backbone, device):
        for view in range(1, views + 1):
            progress(f"the backbone's outputs: view {view} of {views}")
            outputs.append(_scores(backbone, batches, view_generator(seed, view)))
    backbone.train(was_training)
    return Teacher(torch.stack(outputs), seed, crop, flip, seen_digest(data), resized)


@torch.no_grad()
def _scores(model: nn.Module, batches: Batches, view: torch.Generator) -> Tensor:
    return torch.cat([model(images).float().cpu() for images in batches.view(view)])


def write_teacher(teacher: Teacher, path: Path) -> None:
    """Write a teacher's scores, and how its views are drawn, as safetensors; whole or not at all.

    Raises:
        InputError: The folder is not writable.
        OSError: The disk is full.
    """
    about = {"seed": str(teacher.seed), "crop": str(teacher.crop), "flip": str(int(teacher.flip))}
    about |= {"images": teacher.images, "resized": str(int(teacher.resized))}
    write_bytes(path, save({"outputs": teacher.outputs.contiguous()}, metadata=about))


def knows_images(path: Path, seen: str) -> bool:
    """Whether there are a teacher's scores, and of these images.

    Args:
        path: What `write_teacher` wrote, if anything.
        seen: Digest of the images; empty where it is not known.
    """
    if not path.is_file():
        return False
    with contextlib.suppress(OSError, SafetensorError), safe_open(path, framework="pt") as file:
        found = (file.metadata() or {}).get("images", "")
        return not found or not seen or found == seen
    return True  # whoever reads it says what is wrong with it


def read_teacher(path: Path) -> Teacher:
    """Read what `write_teacher` wrote.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            outputs, seed, crop = file.get_tensor("outputs"), int(about["seed"]), int(about["crop"])
            flip, resized = about["flip"] == "1", about.get("resized") == "1"
            return Teacher(outputs, seed, crop, flip, about.get("images", ""), resized)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: does not read ({error}); remove it and resume the run") from None
