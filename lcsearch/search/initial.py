"""``--init``: where models start; checked, resolved, and brought into the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lcsearch.core.config import recipe_values
from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import ModelSpec
from lcsearch.runs.settings import RunSettings
from lcsearch.train.fine_tune import DISTILL, fine_tune_recipe

if TYPE_CHECKING:
    from torch import Tensor

    from lcsearch.search.options import RunOptions

WORDS = ("pretrained", "scratch", "trained")
"""What ``--init`` takes beside a file."""

_CPU_EPOCHS, _GPU_EPOCHS = 1, 4
_NEED_A_START = ("fine_tune_epochs", "fine_tune_lr", "distill", "new_head")


def with_start(settings: RunSettings, options: RunOptions, init: str) -> RunSettings:
    """The settings with where models start and what goes with it.

    Args:
        settings: All other settings.
        options: What the user gave.
        init: Where models start, as ``--init`` says it.

    Raises:
        InputError: A value is not allowed, or an option means nothing with this ``--init``.
    """
    if init == "scratch":
        _refuse_unused(options)
        return settings
    if options.search_width:
        raise InputError(
            f"--search-width: a thinner net cannot be cut out of a trained backbone; leave it out, or use "
            f"--init scratch instead of --init {init}"
        )
    if options.new_head and init == "trained":
        raise InputError("--new-head: goes with --init pretrained or a file; trial 0 trains its own layers")
    for name, option in (("lr", "fine_tune_lr"), ("distill", "distill")):
        value = getattr(options, option)
        if value is not None:
            recipe_values({name: value}, f"--{option.replace('_', '-')}")
    epochs = options.fine_tune_epochs or (_CPU_EPOCHS if settings.device == "cpu" else _GPU_EPOCHS)
    taught = 0.0 if options.new_head else DISTILL  # a new last layer knows nothing to teach
    share = taught if options.distill is None else options.distill
    tuned = fine_tune_recipe(settings.recipe, epochs, options.fine_tune_lr, share)
    return replace(
        settings,
        init=_place(init),
        fine_tune=tuned,
        new_head=options.new_head,
        inherit=options.inherit is not False,
    )


def given_weights(settings: RunSettings, plain: ModelSpec) -> Mapping[str, Tensor] | None:
    """Read the weights that a run is to start from, and check that they fit.

    Args:
        settings: Every setting.
        plain: The plain backbone.

    Returns:
        The backbone's state; None where the run makes it itself or needs none.

    Raises:
        InputError: They cannot be had, or do not fit the backbone.
    """
    if settings.init in ("scratch", "trained"):
        return None
    import torch

    from lcsearch.nets.surgery import build_model
    from lcsearch.nets.weights import pretrained_weights, read_weights

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = build_model(plain)
    if settings.init == "pretrained":
        return pretrained_weights(plain.backbone, model, new_head=settings.new_head)
    return read_weights(Path(settings.init), model, new_head=settings.new_head)


def _refuse_unused(options: RunOptions) -> None:
    named = {name.replace("_", "-"): getattr(options, name) for name in _NEED_A_START}
    if options.inherit is not None:
        named["inherit" if options.inherit else "no-inherit"] = True
    for name, value in named.items():
        if value not in (None, False):
            raise InputError(
                f"--{name}: means nothing with --init scratch; use --init trained, --init pretrained or "
                "--init FILE"
            )


def _place(init: str) -> str:
    if init in WORDS:
        return init
    path = Path(init).expanduser().resolve()
    if path.is_file():
        return str(path)
    if path.exists():
        raise InputError(f"--init: {init} is a folder; a file with the backbone's weights is needed")
    raise InputError(
        f"--init: there is no file {init!r} with a backbone's weights; otherwise {did_you_mean(init, WORDS)}"
    )
