"""The precision that a new run trains in, where that is left to us: measured once a machine and net."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from lcsearch.compress.cut_out import first_images
from lcsearch.core.errors import InputError
from lcsearch.core.files import write_text
from lcsearch.core.machine import device_key
from lcsearch.core.precision import StepTimes
from lcsearch.core.seeds import generators_kept, seed_everything
from lcsearch.core.spec import ModelSpec, Precision
from lcsearch.core.strict import validate
from lcsearch.core.threads import computing_on
from lcsearch.data import SearchData
from lcsearch.data.places import cache_dir
from lcsearch.nets import surgery
from lcsearch.nets.count import Count
from lcsearch.runs.settings import RunSettings
from lcsearch.train.precision import compare_precisions

WORTH_MACS = 2e11
"""Multiply-accumulates of the backbone's training below which nothing is measured: some three seconds of a
core, which is what measuring may take itself."""
_PASSES = 3
"""Times a forward pass's arithmetic that forward and backward take."""


def worth_measuring(settings: RunSettings, size: Count) -> bool:
    """Whether a run is long enough to gain by a faster precision.

    Args:
        settings: Of the run; the training images are known.
        size: Of the plain backbone.
    """
    images = (settings.train_images or 0) * settings.baseline_recipe.epochs
    return _PASSES * size.macs * images >= WORTH_MACS


def measured(
    settings: RunSettings,
    plain: ModelSpec,
    size: Count,
    data: SearchData,
    clock: Callable[[], float] = time.perf_counter,
) -> StepTimes:
    """What a training step of the plain backbone takes in either precision, on the device of trials.

    What was measured before is read from the user's cache; what cannot be read there is made anew, and where
    nothing can be written nothing is kept.

    Args:
        settings: Of the run.
        plain: The plain backbone.
        size: Its size: under one name a user's net may change.
        data: Its first training images are a step's.
        clock: Tells the seconds.
    """
    about = _about(settings, plain, size, data)
    name = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16).hexdigest()
    file = cache_dir() / "precision" / f"{name}.json"
    found = _read(file, about)
    if found is None:
        found = _measure(settings, plain, data, clock)
        if not found.problem:
            _write(file, about, found)
    return found


def trained_in(settings: RunSettings, precision: Precision) -> RunSettings:
    """The settings with this precision in every recipe."""
    tuned = settings.fine_tune and replace(settings.fine_tune, precision=precision)
    return replace(settings, recipe=replace(settings.recipe, precision=precision), fine_tune=tuned)


def _measure(
    settings: RunSettings, plain: ModelSpec, data: SearchData, clock: Callable[[], float]
) -> StepTimes:
    device, count = settings.device, min(settings.recipe.batch_size, len(data.train))
    with generators_kept(device):
        seed_everything(settings.seed)
        net = surgery.build_model(plain)
    images, labels = first_images(data, count, device), data.train.labels[:count].to(device)
    with computing_on(settings.threads):
        return compare_precisions(net, images, labels, device=device, threads=settings.threads, clock=clock)


def _about(settings: RunSettings, plain: ModelSpec, size: Count, data: SearchData) -> dict[str, Any]:
    """What the times depend on."""
    return {
        "device": device_key(settings.device),
        "threads": settings.threads,
        "torch": torch.__version__,
        "backbone": plain.backbone,
        "params": size.params,
        "macs": size.macs,
        "image": list(data.train.images.shape[1:]),
        "batch_size": settings.recipe.batch_size,
        "convolutions": "winograd",  # as `lcsearch.layers.fast_convolution` does them
    }


def _read(file: Path, about: dict[str, Any]) -> StepTimes | None:
    """What was measured before; None where nothing was, the file is damaged, or it is of something else."""
    with contextlib.suppress(OSError, ValueError, InputError):
        plain = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(plain, dict) and plain.get("of") == about:
            return validate(StepTimes, plain.get("found"), str(file))
    return None


def _write(file: Path, about: dict[str, Any], found: StepTimes) -> None:
    with contextlib.suppress(OSError, InputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps({"of": about, "found": asdict(found)}, indent=1))
