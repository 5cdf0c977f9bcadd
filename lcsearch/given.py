"""``--from``: configs and earlier runs that are tried first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lcsearch.choose import front_of
from lcsearch.config import read_config
from lcsearch.errors import InputError
from lcsearch.reading import read_run
from lcsearch.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.surgery import build_model


def read_given(sources: Sequence[str], template: ModelSpec, recipe: Recipe) -> list[TrialSpec]:
    """Read configs, and the fronts of runs, as specs of this run.

    The run's own recipe replaces theirs, so that trials compare; classes and channels become this run's.

    Args:
        sources: Config files and run directories.
        template: Backbone, classes and channels of this run.
        recipe: The run's recipe.

    Raises:
        InputError: A source does not read, is for another backbone, or does not fit this one.
    """
    specs = [(source, spec) for source in sources for spec in _specs(Path(source))]
    return [_adapted(source, spec, template, recipe) for source, spec in specs]


def _specs(path: Path) -> list[TrialSpec]:
    if path.is_dir():
        return [trial.spec for trial in front_of(read_run(path).trials)]
    return [read_config(path).spec]


def _adapted(source: str, spec: TrialSpec, template: ModelSpec, recipe: Recipe) -> TrialSpec:
    import torch

    if spec.model.backbone != template.backbone:
        raise InputError(
            f"--from {source}: is for backbone {spec.model.backbone!r}, not {template.backbone!r}"
        )
    model = replace(template, width=spec.model.width, layers=spec.model.layers)
    try:
        with torch.device("meta"):
            build_model(model)
    except InputError as error:
        raise InputError(f"--from {source}: {error}") from None
    return TrialSpec(model, spec.regularizer, recipe)
