"""Where models start unless the user says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lcsearch.search.options import RunOptions, resolve, starting_point
from lcsearch.search.space import load_space

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
    assert starting_point(options, SPACE.with_width(*width)) == init


@pytest.mark.parametrize(
    ("device", "init", "trials"),
    [("cpu", "trained", 18), ("cpu", "scratch", 18), ("cuda", "trained", 120), ("cuda", "scratch", 60)],
)
def test_a_gpu_does_more_trials_and_more_where_they_are_short(
    monkeypatch: pytest.MonkeyPatch, device: str, init: str, trials: int
) -> None:
    monkeypatch.setattr("lcsearch.search.options.pick_device", lambda asked: asked)
    assert resolve(RunOptions("base", "digits", device=device), init).trials == trials


def test_models_are_cut_out_of_each_other_unless_told_otherwise() -> None:
    asked = RunOptions("base", "digits", device="cpu")
    assert resolve(asked, "trained").inherit
    assert not resolve(replace(asked, inherit=False), "trained").inherit
    assert not resolve(asked, "scratch").inherit
