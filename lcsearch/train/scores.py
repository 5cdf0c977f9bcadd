"""What the trained backbone says of every training image, computed once for all trials."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.files import write_bytes
from lcsearch.core.spec import Recipe
from lcsearch.data import Batches, SearchData
from lcsearch.train.augmentation import crop_and_flip
from lcsearch.train.distillation import Teacher, view_generator

_BATCH = 250


def make_teacher(
    backbone: nn.Module, data: SearchData, recipe: Recipe, *, seed: int, device: str | torch.device = "cpu"
) -> Teacher:
    """Compute the backbone's scores of all training images, in as many views as the recipe has.

    Without crops and flips there is one view; with them there is one for each epoch.

    Args:
        backbone: The trained backbone; it is moved to the device, and its mode is put back.
        data: Its training images.
        recipe: Of those who learn from it: epochs, crop and flip.
        seed: The views are drawn from it.
        device: Where to compute.
    """
    crop, flip = crop_and_flip(recipe, data.info)
    batches = Batches(data.train, data.info, _BATCH, augment=True, device=device, crop=crop, flip=flip)
    views = recipe.epochs if crop or flip else 1
    was_training = backbone.training
    backbone.to(device).eval()
    outputs = [_scores(backbone, batches, view_generator(seed, view + 1)) for view in range(views)]
    backbone.train(was_training)
    return Teacher(torch.stack(outputs), seed, crop, flip)


@torch.no_grad()
def _scores(model: nn.Module, batches: Batches, view: torch.Generator) -> Tensor:
    return torch.cat([model(images).float().cpu() for images in batches.view(view)])


def write_teacher(teacher: Teacher, path: Path) -> None:
    """Write a teacher's scores, and how its views are drawn, as safetensors; whole or not at all.

    Raises:
        OSError: The folder could not be written, or the disk is full.
    """
    about = {"seed": str(teacher.seed), "crop": str(teacher.crop), "flip": str(int(teacher.flip))}
    write_bytes(path, save({"outputs": teacher.outputs.contiguous()}, metadata=about))


def read_teacher(path: Path) -> Teacher:
    """Read what `write_teacher` wrote.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            return Teacher(
                file.get_tensor("outputs"), int(about["seed"]), int(about["crop"]), about["flip"] == "1"
            )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: does not read ({error}); remove it and resume the run") from None
