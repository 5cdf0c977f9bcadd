"""What `lcsearch.search` was asked for: checked, compared with an earlier call, and opened as a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from lcsearch.core import plugins
from lcsearch.core.config import parse_config, recipe_values
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.core.text import parse_count, parse_seconds
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.facts import Facts
from lcsearch.runs.settings import MAY_CHANGE, RunSettings
from lcsearch.search.make import go_on, make, narrowed
from lcsearch.search.options import RunOptions, explicit_recipe, resolve
from lcsearch.search.proposals.given import read_given
from lcsearch.search.session import SearchSession
from lcsearch.search.space import Space, load_space, parse_space
from lcsearch.train.user import Function, UserObjective, objective_name

SpaceLike = Space | Mapping[str, Any] | str | Path | None
"""A space, its plain data, its name or file, or None for the backbone's own."""

_LEAST = {
    "num_classes": 1, "in_channels": 1, "image_size": 1, "validation_images": 1, "epochs": 1, "trials": 1,
    "jobs": 1, "max_failures": 0, "seed": 0,
}  # fmt: skip
_KINDS = (plugins.SAMPLER, plugins.STOPPING_RULE, plugins.ENGINE)
_RESOLVED = {field.name for field in fields(RunOptions)}


@dataclass(frozen=True)
class _Request:
    """What a call of `lcsearch.search` comes to."""

    options: RunOptions
    settings: RunSettings
    space: Space
    facts: Facts
    objective: UserObjective


def open_session(asked: Mapping[str, Any], space: SpaceLike, function: Function) -> SearchSession:
    """Make a run, or open the one that lies in ``out`` to go on with it.

    Args:
        asked: The arguments of `lcsearch.search` by name, without these two.
        space: What is searched.
        function: The user's training loop.

    Raises:
        InputError: An argument is wrong, or differs from what the run was made with.
    """
    out = Path(asked["out"])
    values = _checked(asked)
    if not (out / "run.yaml").is_file():
        request = _request(values, space, function)
        return make(request.options, request.settings, request.space, request.facts, request.objective)
    directory = RunDirectory.open(out)
    plain = directory.read_settings()
    recorded = RunSettings.from_plain(plain["settings"], str(directory.settings))
    if recorded.objective is None:
        raise InputError(
            f"out: {out} was not made by lcsearch.search; 'lcsearch resume {out}' goes on with it"
        )
    request = _request(_completed(values, recorded), space, function)
    _refuse_changes(request, recorded, plain, directory)
    return go_on(directory, plain, request.settings, request.objective)


def _checked(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with sizes and times read, in the forms that `RunOptions` has."""
    values = dict(asked)
    for name, least in _LEAST.items():
        value = values[name]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise InputError(f"{name}: {value!r} is not a whole number from {least} on")
    for kind in _KINDS:
        if values[kind.setting] is not None:
            plugins.check(kind, str(values[kind.setting]))
    for name in ("max_params", "max_macs"):
        values[name] = None if values[name] is None else parse_count(str(values[name]), name)
    if values["timeout"] is not None:
        values["timeout"] = parse_seconds(str(values["timeout"]), "timeout")
    values["objectives"] = ",".join(_strings("objectives", values["objectives"]))
    values["given"] = tuple(_strings("given", values["given"]))
    values["out"] = Path(values["out"])
    return values


def _strings(name: str, values: Sequence[str | Path]) -> list[str]:
    if isinstance(values, str | Path):
        raise InputError(f"{name}: {str(values)!r} is one name; a list of them is needed")
    return [str(value) for value in values]


def _completed(values: Mapping[str, Any], recorded: RunSettings) -> dict[str, Any]:
    """What the user leaves open stays as the run has it, but for the time, which is this call's."""
    kept = {
        name: getattr(recorded, name)
        for name in (*MAY_CHANGE, "sampler", "device", "storage")
        if name != "timeout" and values.get(name) is None
    }
    return {**values, **kept}


def _request(values: Mapping[str, Any], space: SpaceLike, function: Function) -> _Request:
    given = {name: value for name, value in values.items() if name in _RESOLVED and value is not None}
    options = RunOptions(**{**given, "recipe": None})
    name = objective_name(function)
    recipe = recipe_values(dict(values["recipe"] or {}), "recipe")
    settings = resolve(options, "scratch")
    settings = replace(
        settings,
        dataset=f"custom ({name.strip('()').replace(':', '.')})",
        objective=name,
        recipe=replace(settings.recipe, **{**recipe, "epochs": values["epochs"]}),
    )
    facts = Facts(
        values["num_classes"], values["in_channels"], values["image_size"], 0, values["validation_images"]
    )
    searched = narrowed(
        _space(space, settings.backbone), options.search_width, {*explicit_recipe(options), *recipe}
    )
    return _Request(
        options, settings, searched, facts, UserObjective(function, settings.device, settings.threads)
    )


def _space(space: SpaceLike, backbone: str) -> Space:
    if isinstance(space, Space):
        return space
    if isinstance(space, Mapping):
        return parse_space(dict(space), "space")
    return load_space(None if space is None else str(space), backbone)


def _refuse_changes(
    request: _Request, recorded: RunSettings, plain: Mapping[str, Any], directory: RunDirectory
) -> None:
    """Refuse whatever would alter the result of a trial, by its name.

    Raises:
        InputError: Something differs.
    """
    fixed = {f.name for f in fields(RunSettings)} - {*MAY_CHANGE, "recipe", "dataset"}
    pairs = [(name, getattr(request.settings, name), getattr(recorded, name)) for name in sorted(fixed)]
    pairs += _pairs(asdict(request.settings.recipe), asdict(recorded.recipe))
    shown = ("num_classes", "in_channels", "image_size", "validation_images")
    pairs += [(name, getattr(request.facts, name), plain["facts"][name]) for name in shown]
    for name, new, old in pairs:
        if new != old:
            raise InputError(
                f"{name}: {new!r} instead of {old!r}, with which {directory.path} was made, would alter the "
                "results of trials; choose another out"
            )
    if parse_space(plain["space"], f"{directory.settings}: space") != request.space:
        raise InputError(f"space: is not the one that {directory.settings} records; choose another out")
    template = ModelSpec(recorded.backbone, request.facts.num_classes, request.facts.in_channels)
    given = [spec.to_plain() for spec in read_given(request.options.given, template, request.settings)]
    if _fingerprints(given) != _fingerprints(plain["given"]):
        raise InputError(f"given: is not what {directory.settings} records; choose another out")


def _pairs(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(f"recipe {name}" if name != "epochs" else name, new[name], old[name]) for name in new]


def _fingerprints(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [parse_config(config, "given").spec.fingerprint() for config in configs]
