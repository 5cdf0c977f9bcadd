"""A run whose net has another number of outputs than the images have classes."""

from __future__ import annotations

from dataclasses import replace

from lcsearch.core.errors import InputError, Named
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.new_head import with_new_head
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings


def with_fitting_head(settings: RunSettings, facts: Facts) -> tuple[RunSettings, list[str]]:
    """The settings with a net of as many outputs as there are classes, where a new head is asked for.

    Args:
        settings: Of a new run.
        facts: Classes, channels and size of the images.

    Returns:
        The settings, and what was done, a line or none.

    Raises:
        InputError: The head cannot be made new, or neither the net nor weights need a new one.
    """
    if not settings.new_head:
        return settings, []
    plain = ModelSpec(settings.backbone, facts.num_classes, facts.in_channels)
    backbone, words = with_new_head(plain, facts.image_size)
    if words:
        return replace(settings, backbone=backbone), [words]
    if settings.init in ("scratch", "trained"):
        raise InputError(
            *("means nothing with ", Named("init", settings.init), " and a net of as many outputs as "),
            *("classes; it goes with ", Named("init", "pretrained"), " or a file"),
            setting="new_head",
        )
    return settings, []
