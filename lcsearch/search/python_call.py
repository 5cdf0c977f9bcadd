"""What a call of `lcsearch.search` asks for, compared with an earlier call, and opened as a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lcsearch.core.config import parse_config
from lcsearch.core.errors import InputError, Named
from lcsearch.core.metric import ACCURACY
from lcsearch.core.spec import ModelSpec
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.inputs import Asked, checked, inputs_of
from lcsearch.runs.run_file import Facts, RunFile
from lcsearch.runs.settings import RECORDED, RunSettings
from lcsearch.runs.trackers import Tracker
from lcsearch.search.make import go_on, make, narrowed
from lcsearch.search.options import resolve
from lcsearch.search.proposals.given import read_given
from lcsearch.search.session import SearchSession
from lcsearch.search.space import Space, load_space, parse_space
from lcsearch.search.workers import threads_of
from lcsearch.train.carried import carried_digest
from lcsearch.train.user import Function, UserObjective, backbone_of_main, check_sent, objective_name

SpaceLike = Space | Mapping[str, Any] | str | Path | None
"""A space, its plain data, its name or file, or None for the backbone's own."""

_STAYS = RECORDED.keys() & inputs_of("search").keys() - {"recipe", "timeout"}
"""What stays as the run has it where the user leaves it open; the time is that of a call."""

_FIXED = RECORDED.keys() - inputs_of("resume").keys() - {"recipe", "dataset"}
_FACTS = ("num_classes", "in_channels", "image_size", "validation_images")


@dataclass(frozen=True)
class _Call:
    """What one call comes to."""

    asked: Asked
    settings: RunSettings
    space: Space
    facts: Facts
    objective: UserObjective
    carried: str


def open_session(
    said: Mapping[str, Any], space: SpaceLike, function: Function, observers: Sequence[Tracker] = ()
) -> SearchSession:
    """Make a run, or open the one that lies in ``out`` to go on with it.

    Args:
        said: The settings that `lcsearch.search` was given, by name.
        space: What is searched.
        function: The user's training loop.
        observers: Trackers of the user's own.

    Raises:
        InputError: A setting is wrong, or differs from what the run was made with.
    """
    asked = checked(said, "search")
    out = asked["out"]
    if not (out / "run.yaml").is_file():
        call = _call(asked, space, function)
        return make(
            *(call.asked, call.settings, call.space, call.facts, call.objective),
            carried=call.carried,
            observers=observers,
        )
    directory = RunDirectory.open(out)
    recorded = directory.read()
    if recorded.settings.objective is None:
        problem = f"{out} was not made by lcsearch.search; 'lcsearch resume {out}' goes on with it"
        raise InputError(problem, setting="out")
    call = _call(_completed(asked, recorded.settings), space, function)
    _refuse_changes(call, recorded, directory)
    return go_on(directory, recorded, call.settings, call.objective, observers)


def _completed(asked: Asked, recorded: RunSettings) -> Asked:
    """What was asked for, and what the run has where the user leaves it open."""
    kept = {name: getattr(recorded, name) for name in _STAYS if name not in asked}
    return {**{name: value for name, value in kept.items() if value is not None}, **asked}


def _call(asked: Asked, space: SpaceLike, function: Function) -> _Call:
    if asked.get("metric", ACCURACY) != ACCURACY:
        problem = "means nothing here: what the objective returns counts, so let it return that"
        raise InputError(problem, setting="metric", value=asked["metric"])
    name = objective_name(function)
    settings = replace(
        resolve({**asked, "init": "scratch"}),
        dataset=f"custom ({name.strip('()').replace(':', '.')})",
        objective=name,
    )
    searched = narrowed(_space(space, asked["backbone"]), asked, settings)
    facts = Facts(train_images=0, **{fact: asked[fact] for fact in _FACTS})
    check_sent("backbone", backbone_of_main(settings.backbone))
    objective = UserObjective(function, settings.device, threads_of(settings), settings.backbone)
    return _Call(asked, settings, searched, facts, objective, carried_digest(function))


def _space(space: SpaceLike, backbone: str) -> Space:
    if isinstance(space, Space):
        return space
    if isinstance(space, Mapping):
        return parse_space(dict(space), "space")
    return load_space(None if space is None else str(space), backbone)


def _refuse_changes(call: _Call, recorded: RunFile, directory: RunDirectory) -> None:
    """Refuse whatever would alter the result of a trial, by its name.

    Raises:
        InputError: Something differs.
    """
    for name, new, old in _pairs(call, recorded):
        if new != old:
            raise InputError(
                f"{new!r} instead of {old!r}, with which {directory.path} was made, would alter the results "
                "of trials; choose another ",
                Named("out"),
                setting=name,
            )
    others = ("; choose another ", Named("out"))
    if recorded.carried not in (None, call.carried):
        raise InputError(
            f"objective: the arrays that it carries are not those with which {directory.path} was made",
            *others,
        )
    if parse_space(recorded.space, f"{directory.settings}: space") != call.space:
        raise InputError(f"is not the one that {directory.settings} records", *others, setting="space")
    facts, settings = call.facts, call.settings
    template = ModelSpec(settings.backbone, facts.num_classes, facts.in_channels)
    given = [spec.to_plain() for spec in read_given(call.asked.get("given", ()), template, settings)]
    if _fingerprints(given) != _fingerprints(recorded.given):
        raise InputError(f"is not what {directory.settings} records", *others, setting="given")


def _pairs(call: _Call, recorded: RunFile) -> Iterator[tuple[str, Any, Any]]:
    """What must not differ: names, and what this call and the run say."""
    for name in sorted(_FIXED):
        yield name, getattr(call.settings, name), getattr(recorded.settings, name)
    for name in _FACTS:
        yield name, getattr(call.facts, name), getattr(recorded.facts, name)
    new, old = asdict(call.settings.recipe), asdict(recorded.settings.recipe)
    for name in new:
        yield name if name == "epochs" else f"recipe.{name}", new[name], old[name]


def _fingerprints(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [parse_config(config, "given").spec.fingerprint() for config in configs]
