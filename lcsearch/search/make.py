"""Makes a run, or opens one again: everything that is checked before the first trial starts."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lcsearch import data
from lcsearch.core.config import parse_config
from lcsearch.core.errors import InputError
from lcsearch.core.job import Objective
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.core.yaml import write_yaml
from lcsearch.nets import surgery
from lcsearch.nets.backbones import build
from lcsearch.nets.count import Count, count
from lcsearch.runs.directory import VERSION, RunDirectory
from lcsearch.runs.facts import Facts
from lcsearch.runs.settings import MAY_CHANGE, RunSettings
from lcsearch.runs.storage import check_storage
from lcsearch.search.initial import given_weights
from lcsearch.search.options import RunOptions, default_train_images, explicit_recipe, resolve, starting_point
from lcsearch.search.planner import Planner
from lcsearch.search.proposals.given import read_given
from lcsearch.search.proposals.guided import Preparing
from lcsearch.search.session import SearchSession
from lcsearch.search.space import BoundSpace, Space, bind, load_space, parse_space
from lcsearch.search.workers import make_engine, make_objective
from lcsearch.train.start import Start
from lcsearch.train.user import recorded_objective

_PACKAGES = ("lcsearch", "torch", "torchvision", "optuna", "ray", "numpy")


class Sizer:
    """Counts models of one run without training them, each once.

    Args:
        facts: Give the shape of an image.
    """

    def __init__(self, facts: Facts) -> None:
        self._shape = (facts.in_channels, facts.image_size, facts.image_size)

    def __call__(self, spec: ModelSpec) -> Count:
        """Count one model, built on the meta device."""
        with torch.device("meta"):
            return count(surgery.build_model(spec), self._shape)


def create(options: RunOptions) -> SearchSession:
    """Check everything, make the run directory, and open the run.

    Raises:
        InputError: Something the user gave is wrong; nothing was made.
    """
    space = load_space(options.space, options.backbone)
    settings = resolve(options, starting_point(options, space))
    space = narrowed(space, options.search_width, explicit_recipe(options))
    settings, facts = _look_at_data(settings)
    return make(options, settings, space, facts)


def narrowed(space: Space, search_width: bool, named: Container[str]) -> Space:
    """A space with the width searched, if asked for, and without the recipe values that the user named."""
    if search_width:
        space = space.with_width(0.25, 1.0)
    return space.model_copy(update={"train": {k: v for k, v in space.train.items() if k not in named}})


def make(
    options: RunOptions, settings: RunSettings, space: Space, facts: Facts, objective: Objective | None = None
) -> SearchSession:
    """Check what remains, make the run directory, and open the run.

    Args:
        options: What the user gave.
        settings: Every setting, resolved from it.
        space: What is searched.
        facts: What the data decide.
        objective: Runs one trial; None trains the spec on the run's data set.

    Raises:
        InputError: Something the user gave is wrong; nothing was made.
    """
    sizer = Sizer(facts)
    bound = _bind(space, settings, facts)
    smallest = sizer(bound.smallest())
    largest = sizer(bound.largest())
    facts = replace(facts, smallest_params=smallest.params, largest_params=largest.params)
    _check_limits(settings, smallest)
    given = read_given(options.given, bound.plain(), settings)
    weights = given_weights(settings, bound.plain())
    check_storage(settings.storage)
    directory = RunDirectory.create(options.out or _default_out(settings.backbone))
    if weights is not None:
        Start(directory.start).write_backbone(weights)
    plain = {
        "version": VERSION,
        "study": f"lcsearch:{uuid.uuid4().hex[:12]}",
        "settings": settings.to_plain(),
        "facts": asdict(facts),
        "versions": {name: version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "made_at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "given": [spec.to_plain() for spec in given],
        "space": space.to_plain(),
    }
    write_yaml(directory.settings, plain)
    return _session(directory, settings, facts, bound, given, objective)


def reopen(path: Path, changes: Mapping[str, Any] | None = None) -> SearchSession:
    """Open a run to go on with it.

    Args:
        path: The run directory.
        changes: Settings that are to be different from now on.

    Raises:
        InputError: It is no run, is damaged, or a change would alter the result of a trial.
    """
    directory = RunDirectory.open(path)
    plain = directory.read_settings()
    settings = RunSettings.from_plain(plain["settings"], str(directory.settings))
    for name in changes or {}:
        if name not in MAY_CHANGE:
            raise InputError(
                f"--{name.replace('_', '-')}: cannot be changed: it would alter the results of trials"
            )
    objective = None
    if settings.objective is not None:
        objective = recorded_objective(
            settings.objective, device=settings.device, threads=settings.threads, path=path
        )
    return go_on(directory, plain, replace(settings, timeout=None, **(changes or {})), objective)


def go_on(
    directory: RunDirectory, plain: Mapping[str, Any], settings: RunSettings, objective: Objective | None
) -> SearchSession:
    """Open a run that was made before.

    Args:
        directory: The run directory.
        plain: The content of its run.yaml.
        settings: Every setting from now on.
        objective: Runs one trial; None trains the spec on the run's data set.

    Raises:
        InputError: Its run.yaml is damaged.
    """
    facts = Facts(**plain["facts"])
    space = parse_space(plain["space"], f"{directory.settings}: space")
    given = [parse_config(config, f"{directory.settings}: given").spec for config in plain["given"]]
    if settings.to_plain() != plain["settings"]:
        write_yaml(directory.settings, {**plain, "settings": settings.to_plain()})
    return _session(directory, settings, facts, _bind(space, settings, facts), given, objective)


def _session(
    directory: RunDirectory,
    settings: RunSettings,
    facts: Facts,
    bound: BoundSpace,
    given: Sequence[TrialSpec],
    objective: Objective | None,
) -> SearchSession:
    prepare = None if settings.fine_tune is None else Preparing(settings, bound)
    planner = Planner(bound, settings, facts.validation_images, given, Sizer(facts), prepare)
    engine = make_engine(settings, directory.path)
    return SearchSession(directory, settings, facts, planner, objective or make_objective(settings), engine)


def _look_at_data(settings: RunSettings) -> tuple[RunSettings, Facts]:
    """Read the images once, so that every mistake in them is found before the run is made."""
    found = data.load(
        settings.dataset,
        data_dir=settings.data_dir,
        train_images=settings.train_images,
        validation_images=settings.validation_images,
        image_size=settings.image_size,
    )
    images = settings.train_images or default_train_images(settings, len(found.train.labels))
    validation = len(found.validation.labels)
    info = found.info
    facts = Facts(info.num_classes, info.in_channels, info.image_size, images, validation)
    return replace(settings, train_images=images, validation_images=validation), facts


def _bind(space: Space, settings: RunSettings, facts: Facts) -> BoundSpace:
    template = ModelSpec(settings.backbone, facts.num_classes, facts.in_channels)
    with torch.device("meta"):
        model = build(settings.backbone, num_classes=facts.num_classes, in_channels=facts.in_channels)
    bound = bind(space, model, template)
    if settings.fine_tune is not None and len(bound.width.values) > 1:
        raise InputError(
            f"--init {settings.init}: the space searches the width, but a thinner net cannot be cut out of a "
            "trained backbone; fix the width, or use --init scratch"
        )
    return bound


def _check_limits(settings: RunSettings, smallest: Count) -> None:
    for option, limit, least in (
        ("--max-params", settings.max_params, smallest.params),
        ("--max-macs", settings.max_macs, smallest.macs),
    ):
        if limit is not None and limit < least:
            raise InputError(
                f"{option}: {format_count(limit)} is below the smallest possible model of this space, "
                f"{format_count(least)} ({least})"
            )


def _default_out(backbone: str) -> Path:
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in backbone)
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
