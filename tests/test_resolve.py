"""Where models start unless the user says it."""

from __future__ import annotations

import pytest

from lcsearch.resolve import RunOptions, resolve, with_init
from lcsearch.space import load_space

SPACE = load_space(None, "base")


@pytest.mark.parametrize(
    ("changes", "width", "init"),
    [
        ({}, (1.0, 1.0), "trained"),
        ({}, (0.5, 0.5), "trained"),
        ({}, (0.25, 1.0), "scratch"),
        ({"search_width": True}, (1.0, 1.0), "scratch"),
        ({"init": "pretrained"}, (0.25, 1.0), "pretrained"),
        ({"init": "scratch"}, (1.0, 1.0), "scratch"),
    ],
)
def test_models_are_cut_out_of_a_backbone_unless_the_width_is_searched(
    changes: dict[str, object], width: tuple[float, float], init: str
) -> None:
    options = RunOptions("base", "digits", **changes)  # type: ignore[arg-type]
    assert with_init(options, SPACE.with_width(*width)).init == init


def test_short_trials_are_more() -> None:
    trained = resolve(RunOptions("base", "digits", device="cpu", init="trained"))
    scratch = resolve(RunOptions("base", "digits", device="cpu", init="scratch"))
    assert (trained.trials, scratch.trials) == (20, 18)
    assert trained.inherit and not scratch.inherit
    assert not resolve(RunOptions("base", "digits", device="cpu", init="trained", inherit=False)).inherit
