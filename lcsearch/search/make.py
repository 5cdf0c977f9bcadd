"""Makes a run, or opens one again: everything that is checked before the first trial starts."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lcsearch import data
from lcsearch.core.checked import VERSION
from lcsearch.core.config import parse_config
from lcsearch.core.data_digest import DataDigest
from lcsearch.core.functions import look_in, module_folders
from lcsearch.core.job import Objective
from lcsearch.core.precision import StepTimes
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.data.image_list import write_image_list
from lcsearch.nets.backbones import build
from lcsearch.nets.sizer import Sizer
from lcsearch.nets.weights import GivenWeights
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.inputs import Asked, checked
from lcsearch.runs.run_file import Facts, RunFile, check_names
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.storage import check_storage
from lcsearch.runs.trackers import Tracker
from lcsearch.search.heads import with_fitting_head
from lcsearch.search.images import ANY_IMAGES, SessionImages, check_images
from lcsearch.search.new_images import NewImages, look_at_data
from lcsearch.search.options import explicit_recipe, in_any_folder, names_precision, resolve
from lcsearch.search.planner import Planner
from lcsearch.search.precision import measured, trained_in, worth_measuring
from lcsearch.search.proposals.finishing import check_finishing, refuse_finishing
from lcsearch.search.proposals.given import read_given
from lcsearch.search.proposals.guided import Preparing
from lcsearch.search.screening import check_screening, screening_images
from lcsearch.search.searchable import about_net, searchable
from lcsearch.search.session import SearchSession
from lcsearch.search.space import (
    BoundSpace,
    Space,
    bind,
    check_kinds,
    load_space,
    parse_space,
    with_kinds,
)
from lcsearch.search.tracking import followed
from lcsearch.search.workers import make_engine, make_objective, threads_of, user_modules
from lcsearch.train.precision import check_precision
from lcsearch.train.start import Start, given_weights
from lcsearch.train.user import recorded_objective

_PACKAGES = ("lcsearch", "torch", "torchvision", "optuna", "ray", "numpy")


def create(said: Mapping[str, Any]) -> SearchSession:
    """Check everything, make the run directory, and open the run.

    Args:
        said: What the user said, by the names of settings; None where it is left to us.

    Raises:
        InputError: Something the user said is wrong; nothing was made.
    """
    asked = checked(said, "run")
    space = load_space(asked.get("space"), asked["backbone"])
    settings = resolve(asked)
    check_precision(settings.recipe.precision, settings.device)
    space = narrowed(space, asked, settings)
    settings, facts, images = look_at_data(settings)
    notes = data.notes_on(images.data, metric=settings.metric)
    return make(asked, settings, space, facts, images=images, notes=notes)


def narrowed(space: Space, asked: Asked, settings: RunSettings) -> Space:
    """A space with the families that the user named, and without recipe values that were named as well.

    Raises:
        InputError: There is no such family, or the space means trained weights where there are none.
    """
    named = explicit_recipe(asked)
    space = space.model_copy(update={"train": {k: v for k, v in space.train.items() if k not in named}})
    if "kinds" in asked:
        space = with_kinds(space, asked["kinds"])
    return space if settings.fine_tune is not None else space.from_scratch()


def make(
    asked: Asked,
    settings: RunSettings,
    space: Space,
    facts: Facts,
    objective: Objective | None = None,
    *,
    images: NewImages | None = None,
    carried: str = "",
    notes: Sequence[str] = (),
    observers: Sequence[Tracker] = (),
) -> SearchSession:
    """Check what remains, make the run directory, and open the run.

    Args:
        asked: What the user asked for.
        settings: Every setting, resolved from it.
        space: What is searched.
        facts: What the data decide.
        objective: Runs one trial; None trains the spec on the run's data set.
        images: What nets are tried on, and what is recorded; None where the user's own loop trains.
        carried: Digest of the arrays that the user's own loop carries.
        notes: What the run is to say of itself, as in `RunFile`.
        observers: Trackers of the user's own.

    Raises:
        InputError: Something the user said is wrong; nothing was made.
    """
    settings, about_head = with_fitting_head(settings, facts)
    notes = [*notes, *about_head]
    found = searchable(lambda space: _bind(space, settings, facts), space, settings, facts, images)
    bound, facts, notes = found.bound, found.facts, [*notes, *found.notes]
    check_kinds(bound, asked.get("kinds", ()))
    settings, times = _with_precision(asked, settings, bound, facts, images)
    given = found.without_plain(read_given(asked.get("given", ()), bound.plain(), settings))
    weights = _given_weights(settings, bound, facts)
    check_screening(settings, bound, facts.train_images)
    check_finishing(settings, lambda: _planner(settings, facts, bound, given).most_planned)
    check_storage(settings.storage)
    settings, following = followed(settings, observers)
    directory = RunDirectory.create(asked.get("out") or _default_out(asked["backbone"]))
    if weights is not None:
        Start(directory.start).write_backbone(weights.state)
        notes = [*notes, *filter(None, [weights.said])]
    digest = None if images is None else images.record.digest
    if images is not None:
        write_image_list(directory.images, images.record.lines)
    notes = [*notes, *about_net(bound), *(() if times is None else [times.words(settings.backbone)])]
    recorded = _recorded(settings, facts, given, bound.space, notes, digest, carried)
    directory.write(replace(recorded, precision=times))
    seen = ANY_IMAGES if digest is None else SessionImages(digest.seen)
    return _session(directory, settings, facts, bound, given, objective, following, seen)


def _given_weights(settings: RunSettings, bound: BoundSpace, facts: Facts) -> GivenWeights | None:
    """The weights that models are cut out of, where the run does not train them itself."""
    size, head = facts.image_size, settings.new_head
    return given_weights(settings.init, bound.plain(), seed=settings.seed, new_head=head, image_size=size)


def reopen(path: Path, said: Mapping[str, Any] | None = None) -> SearchSession:
    """Open a run to go on with it.

    Args:
        path: The run directory.
        said: Settings that are to be different from now on; None where they are not.

    Raises:
        InputError: It is no run, is damaged, or a change is not allowed.
    """
    directory = RunDirectory.open(path)
    recorded = directory.read()
    look_in(recorded.modules_in)
    changed = recorded.settings.changed({"timeout": None} | checked(said or {}, "resume"))
    settings = in_any_folder(changed)
    objective = None
    if settings.objective is not None:
        refuse_finishing(settings)
        objective = recorded_objective(
            settings.objective, device=settings.device, threads=threads_of(settings), path=path
        )
    return go_on(directory, recorded, settings, objective)


def go_on(
    directory: RunDirectory,
    recorded: RunFile,
    settings: RunSettings,
    objective: Objective | None,
    observers: Sequence[Tracker] = (),
) -> SearchSession:
    """Open a run that was made before.

    Args:
        directory: The run directory.
        recorded: The content of its run.yaml.
        settings: Every setting from now on.
        objective: Runs one trial; None trains the spec on the run's data set.
        observers: Trackers of the user's own.

    Raises:
        InputError: Its run.yaml is damaged, or names what is not installed any more; or its images have
            changed.
        HaltError: Its images cannot be read.
    """
    file = str(directory.settings)
    check_names(settings, file)
    space = parse_space(recorded.space, f"{file}: space")
    given = [parse_config(config, f"{file}: given").spec for config in recorded.given]
    bound = _bind(space, settings, recorded.facts)
    settings, following = followed(settings, observers)
    images = check_images(directory, recorded, settings)
    facts, notes = images.facts(recorded.facts), images.noted(recorded.notes)
    session = _session(directory, settings, facts, bound, given, objective, following, images)
    if settings != recorded.settings or notes != recorded.notes:
        directory.write(replace(recorded, settings=settings, notes=notes))
    return session


def _with_precision(
    asked: Asked, settings: RunSettings, bound: BoundSpace, facts: Facts, images: NewImages | None
) -> tuple[RunSettings, StepTimes | None]:
    """The settings with the precision to train in, and what was measured for it, where it was left to us."""
    if images is None or names_precision(asked) or "precision" in bound.fixed:
        return settings, None
    plain = bound.plain()
    size = Sizer(facts.image_shape)(plain)
    if "precision" not in asked and not worth_measuring(settings, size):
        return settings, None
    times = measured(settings, plain, size, images.data)
    return trained_in(settings, times.chosen), times


def _recorded(
    settings: RunSettings,
    facts: Facts,
    given: Sequence[TrialSpec],
    space: Space,
    notes: Sequence[str],
    digest: DataDigest | None,
    carried: str,
) -> RunFile:
    """What run.yaml is to hold."""
    return RunFile(
        version=VERSION,
        data=digest,
        carried=carried,
        study=f"lcsearch:{uuid.uuid4().hex[:12]}",
        modules_in=module_folders(user_modules(settings)),
        settings=settings,
        facts=facts,
        versions={name: version(name) for name in _PACKAGES},
        machine={
            "system": platform.platform(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        made_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        given=[spec.to_plain() for spec in given],
        space=space.to_plain(),
        notes=list(notes),
    )


def _session(
    directory: RunDirectory,
    settings: RunSettings,
    facts: Facts,
    bound: BoundSpace,
    given: Sequence[TrialSpec],
    objective: Objective | None,
    following: Mapping[str, Tracker],
    images: SessionImages,
) -> SearchSession:
    planner, train = _planner(settings, facts, bound, given, images), make_objective(settings, images)
    engine = make_engine(settings, directory.path)
    return SearchSession(
        directory, settings, facts, planner, objective or train, engine, following, images.remarks
    )


def _planner(
    settings: RunSettings,
    facts: Facts,
    bound: BoundSpace,
    given: Sequence[TrialSpec],
    images: SessionImages = ANY_IMAGES,
) -> Planner:
    prepare = None if settings.fine_tune is None else Preparing(settings, bound, images)
    held = screening_images(settings, facts.train_images) if settings.screen else 0
    return Planner(bound, settings, facts.noise_images, given, Sizer(facts.image_shape), prepare, held)


def _bind(space: Space, settings: RunSettings, facts: Facts) -> BoundSpace:
    template = ModelSpec(settings.backbone, facts.num_classes, facts.in_channels)
    with torch.device("meta"):
        model = build(settings.backbone, num_classes=facts.num_classes, in_channels=facts.in_channels)
    return bind(space, model, template, facts.image_shape)


def _default_out(backbone: str) -> Path:
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in backbone)
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
