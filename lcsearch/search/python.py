"""`search`: the search over a training loop of the user's own, and what such a loop needs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.nets import surgery
from lcsearch.runs.inputs import inputs_of
from lcsearch.runs.trackers import Tracker
from lcsearch.runs.words import allowed, default
from lcsearch.search.display import display_of
from lcsearch.search.python_call import SpaceLike, open_session
from lcsearch.search.session import SearchSession
from lcsearch.train.user import Function, backbone_name, check_objective

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.report.shown import Run


def search(
    space: SpaceLike,
    objective: Function,
    *,
    backbone: str | Callable[..., nn.Module],
    num_classes: int,
    in_channels: int,
    image_size: int,
    validation_images: int,
    epochs: int,
    out: str | Path,
    kinds: Sequence[str] | None = None,
    trials: int | None = None,
    timeout: float | str | None = None,
    max_params: int | str | None = None,
    max_macs: int | str | None = None,
    sampler: str | None = None,
    early_stopping: str | None = None,
    objectives: Sequence[str] | None = None,
    metric: str | None = None,
    recipe: Mapping[str, Any] | str | Path | None = None,
    given: Sequence[str | Path] | None = None,
    seed: int | None = None,
    engine: str | None = None,
    jobs: int | str | None = None,
    device: str | None = None,
    ray_address: str | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    max_failures: int | None = None,
    storage_path: str | None = None,
    storage: str | None = None,
    profile: bool | None = None,
    track: Sequence[str] | None = None,
    observers: Sequence[Tracker] | None = None,
    quiet: bool = False,
) -> Run:
    """Search for smaller models of a backbone, trained by your own loop.

    ``space`` is a name or file as ``lcsearch spaces`` writes it, its content as a mapping, or None for the
    backbone's own. ``backbone`` is a name as below, or a function at the top level of a module or of a
    notebook's cell. ``objective(spec, report)`` trains ``lcsearch.build_model(spec)``, calls
    ``report(epoch, accuracy)`` after each epoch, leaves when that returns False, and returns the final
    validation accuracy in percent, or a mapping that holds it as ``accuracy``; ``report`` is a
    `lcsearch.TrialReport`. ``observers`` are trackers of your own, subclasses of `lcsearch.Tracker` that are
    made already: they follow the search in a thread of their own, beside those that ``track`` names. With
    ``quiet`` nothing is printed. The settings are listed below.

    Called again with the same ``out`` it goes on where it was left: finished trials stay, a trial that was
    cut is handed to the objective again. Settings that alter no result may then be different; everything else
    is refused. Ctrl-C once lets the running epochs finish, twice stops at once; both raise
    ``KeyboardInterrupt``, and the run can be gone on with.

    Trials run in other processes that import the objective by name: the call must stand under
    ``if __name__ == "__main__":``. What has no name there, such as a function of a notebook's cell, is sent
    with its code and the variables that it uses.

    Returns:
        Everything the run has recorded; a notebook shows its front. ``out`` holds report.html and best.yaml;
        ``lcsearch status``, ``report``, ``view`` and ``export`` work on it.

    Raises:
        InputError: Something that was given is wrong, or differs from what the run was made with.
        RuntimeError: Something around the run failed: a disk is full or lost, another program holds the
            study, worker processes cannot start; the run can be gone on with.
        KeyboardInterrupt: Ctrl-C.
    """
    own = ("space", "objective", "observers", "quiet")
    said = {name: value for name, value in locals().items() if name not in (*own, "own")}
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise InputError(
            "lcsearch.search: a worker process imports this file and would search again; "
            'write the call under: if __name__ == "__main__":'
        )
    check_objective(objective)
    said["backbone"] = backbone_name(backbone)
    return _drive(open_session(said, space, objective, observers or ()), quiet)


def _settings_text() -> str:
    """What `search` takes beside its space and its objective, as a section of its docstring."""
    lines = ["", "    Settings:"]
    for name, setting in inputs_of("search").items():
        said = default(setting)
        about = "; needed" if "search" in setting.required else f"; {said} by default" if said else ""
        lines.append(f"        {name}: {setting.help} {allowed(setting).capitalize()}{about}.")
    return "\n".join([*lines, "    "])


search.__doc__ = f"{search.__doc__}{_settings_text()}"


def build_model(spec: TrialSpec | ModelSpec) -> nn.Module:
    """Build the model of a trial with fresh weights, on the current default device.

    Returns:
        A module that answers images (b, c, h, w) as its backbone does, scores (b, classes) or more.
    """
    return surgery.build_model(spec.model if isinstance(spec, TrialSpec) else spec, as_written=True)


def penalty(model: nn.Module, spec: TrialSpec, step: int) -> Tensor | float:
    """What a trial's regularizer adds to the loss of a training step.

    Args:
        model: The model in training.
        spec: The trial's spec.
        step: 0 for the first step of the training.

    Returns:
        A scalar tensor with a gradient, or 0.0 where the regularizer is off or rests in this step.
    """
    from lcsearch.train import optimizer

    return optimizer.penalty(model, spec.recipe, spec.regularizer, step)


def _drive(session: SearchSession, quiet: bool) -> Run:
    from lcsearch.report.shown import read_run  # with plotly, which workers need not load

    again = f"call lcsearch.search again with out={str(session.path)!r} to go on"
    with session:
        display = display_of(session, quiet=quiet)
        session.watch(display)
        for remark in session.remarks:
            display.say(remark)
        problem = session.run(display.say)
        display.close()
        if problem is not None:
            raise RuntimeError(f"{problem}; {again}")
        finish = session.finish()
    if session.director.interrupted:
        raise KeyboardInterrupt(f"interrupted; {again}")
    display.close(finish.lines)
    return read_run(session.path)
