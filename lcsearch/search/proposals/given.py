"""``given``: configs and earlier runs that are tried first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lcsearch.core.config import read_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.nets.backbones import plain_form
from lcsearch.nets.surgery import build_model, once
from lcsearch.runs.choose import front_of
from lcsearch.runs.read import read_run
from lcsearch.runs.settings import RunSettings


def read_given(sources: Sequence[str], plain: ModelSpec, settings: RunSettings) -> list[TrialSpec]:
    """Read configs, and the fronts of runs, as specs of this run.

    The run's own recipe replaces theirs, so that trials compare: that of what is cut out of the backbone, if
    anything is and the width is the backbone's. Classes and channels become this run's.

    Args:
        sources: Config files and run directories.
        plain: The plain backbone of this run.
        settings: Every setting of this run.

    Raises:
        InputError: A source does not read, is for another backbone, or does not fit this one.
    """
    specs = [(source, spec) for source in sources for spec in _specs(Path(source))]
    return [_adapted(source, spec, plain, settings) for source, spec in specs]


def _specs(path: Path) -> list[TrialSpec]:
    if path.is_dir():
        return [trial.spec for trial in front_of(read_run(path).trials)]
    return [read_config(path).spec]


def _adapted(source: str, spec: TrialSpec, plain: ModelSpec, settings: RunSettings) -> TrialSpec:
    import torch

    if plain_form(spec.model.backbone) != plain_form(plain.backbone):
        problem = f"is for backbone {spec.model.backbone!r}, not {plain.backbone!r}"
        raise InputError(problem, setting="given", value=source)
    own = spec.model
    model = replace(
        plain, width=own.width, layers=own.layers, channels=own.channels, image_size=own.image_size
    )
    try:
        with torch.device("meta"):
            build_model(model)
            layers = once(build_model(replace(model, layers={})), model.layers)
    except InputError as error:
        raise InputError(*error.parts, setting="given", value=source) from None
    recipe = settings.searched_recipe if model.width == plain.width else settings.thinner_recipe
    return TrialSpec(replace(model, layers=layers), spec.regularizer, recipe)
