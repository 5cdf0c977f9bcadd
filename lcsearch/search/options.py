"""From what the user asked for to every setting of a run, defaults filled in for this machine."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lcsearch.core.config import recipe_values
from lcsearch.core.device import pick_device
from lcsearch.core.errors import InputError, Named, did_you_mean
from lcsearch.core.spec import Recipe
from lcsearch.core.yaml import read_yaml
from lcsearch.data import full_name, with_columns
from lcsearch.nets.weights import for_pretrained, pretrained_size
from lcsearch.runs.inputs import Asked, inputs_of
from lcsearch.runs.setting import Place
from lcsearch.runs.settings import RECORDED, RunSettings
from lcsearch.train.fine_tune import fine_tune_recipe

_WORDS = ("pretrained", "scratch", "trained")
"""What ``init`` takes beside a file."""

_KNOWN = RECORDED | inputs_of("run")
_OF_RECIPE = {field.name for field in fields(Recipe)}
_TYPED = [name for name, one in _KNOWN.items() if one.group == "training" and name in _OF_RECIPE]
_NEED_A_START = [
    name for name, one in _KNOWN.items() if one.group == "start" and name not in ("init", "new_head")
]
_LATER = ("train_images", "recipe", "fine_tune")
"""What is worked out from other settings, or from the data."""


def resolve(asked: Asked) -> RunSettings:
    """Fill in every default, and check what can be checked without data or backbone.

    Args:
        asked: What the user asked for.

    Raises:
        InputError: A value is not allowed, or means nothing beside another.
    """
    place = _place(asked)
    values = {name: _value(asked, name, place) for name in RECORDED if name not in _LATER}
    values |= {
        "device": place.device,
        "recipe": _recipe(asked, place),
        "train_images": asked.get("train_images"),
    }
    columns = (asked.get("image_column"), asked.get("label_column"))
    values["dataset"] = with_columns(values["dataset"], *columns)
    if "data_dir" in asked:
        values["data_dir"] = _resolved(asked["data_dir"])
    settings = in_any_folder(RunSettings(**values).changed({}))
    if place.init == "scratch":
        _refuse_unused(asked)
        return settings
    return _cut_out(settings, asked, place)


def in_any_folder(settings: RunSettings) -> RunSettings:
    """The settings with their paths as they are understood in any folder: a run is gone on with from there.

    Those of weights and of ``data_dir`` are resolved where they are read, those of trackers by the trackers.
    """
    storage = settings.storage_path
    if storage is not None and "://" not in storage:
        storage = _resolved(storage)
    cache = None if settings.data_cache is None else _resolved(settings.data_cache)
    return replace(settings, dataset=full_name(settings.dataset), storage_path=storage, data_cache=cache)


def explicit_recipe(asked: Asked) -> set[str]:
    """Fields of the recipe that the user named: they win over the space's ``train``."""
    named = {name for name in _TYPED if name in asked} | set(_recipe_said(asked))
    return named | {"lr"} if "fine_tune_lr" in asked else named


def names_precision(asked: Asked) -> bool:
    """Whether the user said which precision to train in."""
    said = _recipe_said(asked) | dict(asked)
    return "precision" in said and said["precision"] != "auto"


def default_train_images(settings: RunSettings, available: int) -> int:
    """Training images where the user named no number; never more than are available."""
    place = Place(settings.device, settings.engine, settings.init)
    return min(available, _KNOWN["train_images"].default_at(place) or available)


def _place(asked: Asked) -> Place:
    """What defaults depend on."""
    place = Place(
        device=pick_device(asked.get("device", _KNOWN["device"].default)),
        engine=asked.get("engine", _KNOWN["engine"].default),
        new_head=asked.get("new_head", False),
    )
    if place.engine == "ray" and "ray_address" in asked:
        place = replace(place, reserved=max(1, int(_value(asked, "cpus_per_trial", place))))
    return replace(place, init=_value(asked, "init", place))


def _value(asked: Asked, name: str, place: Place) -> Any:
    return asked[name] if name in asked else _KNOWN[name].default_at(place)


def _recipe(asked: Asked, place: Place) -> Recipe:
    said = {"epochs": _value(asked, "epochs", place)} | _recipe_said(asked)
    said |= {name: asked[name] for name in _TYPED if name in asked}
    return replace(Recipe(), **{name: value for name, value in said.items() if value != "auto"})


def _recipe_said(asked: Asked) -> dict[str, Any]:
    """What a recipe file, or in Python a mapping, says."""
    source = asked.get("recipe", {})
    if not isinstance(source, Path):
        return recipe_values(source, "recipe")
    said = recipe_values(read_yaml(source), str(source))
    for name in ("init", "distill"):
        if said.get(name, getattr(Recipe(), name)) != getattr(Recipe(), name):
            raise InputError(f"{source}: {name}: is not read from a recipe; use ", Named(name))
    return said


def _cut_out(settings: RunSettings, asked: Asked, place: Place) -> RunSettings:
    """The settings of a run whose models are cut out of a trained backbone."""
    epochs, share = (_value(asked, name, place) for name in ("fine_tune_epochs", "distill"))
    tuned = fine_tune_recipe(settings.recipe, epochs, asked.get("fine_tune_lr"), share)
    settings = replace(settings, init=_found(place.init), fine_tune=tuned)
    if place.init != "pretrained":
        return settings
    backbone, normalisation = for_pretrained(settings.backbone)
    size = settings.image_size or pretrained_size(backbone)
    return replace(settings, backbone=backbone, normalisation=normalisation, image_size=size)


def _refuse_unused(asked: Asked) -> None:
    for name in _NEED_A_START:
        if name in asked:
            raise InputError(
                *("means nothing with ", Named("init", "scratch"), "; use ", Named("init", "trained"), ", "),
                *(Named("init", "pretrained"), " or ", Named("init", "FILE")),
                setting=name,
                value=asked[name],
            )


def _resolved(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def _found(init: str) -> str:
    """Where models start, files by their full path."""
    if init in _WORDS:
        return init
    path = Path(init).expanduser().resolve()
    if path.is_file():
        return str(path)
    if path.exists():
        problem = f"{init} is a folder; a file with the backbone's weights is needed"
    else:
        problem = (
            f"there is no file {init!r} with a backbone's weights; otherwise {did_you_mean(init, _WORDS)}"
        )
    raise InputError(problem, setting="init")
