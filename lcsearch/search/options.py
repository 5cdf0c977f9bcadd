"""From what the user typed to every setting of a run, defaults filled in for this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lcsearch.core.config import read_recipe, recipe_values
from lcsearch.core.device import pick_device
from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import Recipe
from lcsearch.core.yaml import read_yaml
from lcsearch.runs.settings import DEFAULT_INIT, DEFAULT_SAMPLER, RunSettings
from lcsearch.search import samplers
from lcsearch.search.initial import with_start
from lcsearch.search.space import Space

OBJECTIVES = ("accuracy", "params", "macs")
_TYPED = ("epochs", "precision", "batch_size", "lr", "weight_decay")
_CPU_IMAGES = 10_000
_CPU_TRIALS, _GPU_TRIALS, _GPU_SHORT_TRIALS = 18, 60, 120
"""On a CPU what two cores do in a quarter of an hour; on a GPU more where most are a short fine-tuning."""
_CPU_EPOCHS, _GPU_EPOCHS = 3, 12


@dataclass(frozen=True)
class RunOptions:
    """What ``lcsearch run`` was given; None where the user left it to us."""

    backbone: str
    dataset: str = "fashion-mnist"
    data_dir: str | None = None
    train_images: int | None = None
    validation_images: int | None = None
    image_size: int | None = None
    space: str | None = None
    trials: int | None = None
    epochs: int | None = None
    timeout: float | None = None
    max_params: int | None = None
    max_macs: int | None = None
    search_width: bool = False
    sampler: str | None = None
    early_stopping: str = "pareto"
    engine: str = "local"
    jobs: int | None = None
    device: str = "auto"
    precision: str | None = None
    batch_size: int | None = None
    lr: float | None = None
    weight_decay: float | None = None
    recipe: Path | None = None
    init: str | None = None
    fine_tune_epochs: int | None = None
    fine_tune_lr: float | None = None
    distill: float | None = None
    new_head: bool = False
    inherit: bool | None = None
    given: tuple[str, ...] = ()
    objectives: str = "accuracy,params"
    seed: int = 0
    ray_address: str | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float | None = None
    max_failures: int = 1
    storage_path: str | None = None
    storage: str | None = None
    out: Path | None = None


def starting_point(options: RunOptions, space: Space) -> str:
    """Where models start, as ``--init`` says it: no model of another width can be cut out of a backbone."""
    width = space.width
    default = "scratch" if options.search_width or width.low < width.high else DEFAULT_INIT
    return options.init or default


def resolve(options: RunOptions, init: str) -> RunSettings:
    """Fill in every default and check what can be checked without data or backbone.

    Args:
        options: What the user gave.
        init: Where models start, whatever ``options`` say of it.

    Raises:
        InputError: A value is not allowed.
    """
    device = pick_device(options.device)
    on_cpu = device == "cpu"
    settings = RunSettings(
        backbone=options.backbone,
        dataset=options.dataset,
        data_dir=None if options.data_dir is None else str(Path(options.data_dir).expanduser().resolve()),
        train_images=options.train_images,
        validation_images=options.validation_images,
        image_size=options.image_size,
        trials=_trials(options, init, on_cpu),
        timeout=options.timeout,
        max_params=options.max_params,
        max_macs=options.max_macs,
        sampler=_sampler(options.sampler),
        early_stopping=options.early_stopping,
        engine=options.engine,
        jobs=_jobs(options, on_cpu),
        threads=1 if on_cpu else 0,
        device=device,
        ray_address=options.ray_address,
        cpus_per_trial=_positive("--cpus-per-trial", options.cpus_per_trial),
        gpus_per_trial=_gpus(options, device),
        max_failures=options.max_failures,
        storage_path=options.storage_path,
        recipe=_recipe(options, on_cpu),
        seed=options.seed,
        objectives=_objectives(options.objectives),
        storage=options.storage,
    )
    return with_start(settings, options, init)


def explicit_recipe(options: RunOptions) -> set[str]:
    """Fields of the recipe that the user named: they win over the space's ``train``."""
    named = {name for name in _TYPED if getattr(options, name) is not None}
    if options.fine_tune_lr is not None:
        named.add("lr")
    if options.recipe is not None:
        named |= set(recipe_values(read_yaml(options.recipe), str(options.recipe)))
    return named


def default_train_images(settings: RunSettings, available: int) -> int:
    """Training images where the user named no number: all on a GPU, 10,000 on a CPU."""
    return min(available, _CPU_IMAGES) if settings.device == "cpu" else available


def _sampler(name: str | None) -> str:
    if name is None:
        return DEFAULT_SAMPLER
    samplers.find(name)
    return name


def _trials(options: RunOptions, init: str, on_cpu: bool) -> int:
    if options.trials is not None:
        return options.trials
    if on_cpu:
        return _CPU_TRIALS
    return _GPU_TRIALS if init == "scratch" else _GPU_SHORT_TRIALS


def _jobs(options: RunOptions, on_cpu: bool) -> int | None:
    if options.jobs is not None or options.engine == "ray":
        return options.jobs
    return len(os.sched_getaffinity(0)) if on_cpu and hasattr(os, "sched_getaffinity") else 1


def _gpus(options: RunOptions, device: str) -> float:
    if options.gpus_per_trial is None:
        return 1.0 if device == "cuda" else 0.0
    if options.gpus_per_trial < 0:
        raise InputError(f"--gpus-per-trial: {options.gpus_per_trial} is below 0")
    return options.gpus_per_trial


def _positive(option: str, value: float) -> float:
    if not value > 0:
        raise InputError(f"{option}: {value} is not above 0")
    return value


def _objectives(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in OBJECTIVES:
            raise InputError(f"--objectives: {name!r} is unknown; {did_you_mean(name, OBJECTIVES)}")
    if names[:1] != ("accuracy",) or len(set(names)) != len(names) or len(names) < 2:
        raise InputError(f"--objectives: {text!r}: accuracy comes first, then params, macs or both")
    return names


def _recipe(options: RunOptions, on_cpu: bool) -> Recipe:
    recipe = replace(Recipe(), epochs=_CPU_EPOCHS if on_cpu else _GPU_EPOCHS)
    if options.recipe is not None:
        recipe = read_recipe(options.recipe, recipe)
        for name in ("init", "distill"):
            if getattr(recipe, name) != getattr(Recipe(), name):
                raise InputError(f"{options.recipe}: {name}: is not read from a recipe; use --{name}")
    typed: dict[str, Any] = {
        name: getattr(options, name) for name in _TYPED if getattr(options, name) is not None
    }
    for name, value in typed.items():
        recipe_values({name: value}, f"--{name.replace('_', '-')}")
    return replace(recipe, **typed)
