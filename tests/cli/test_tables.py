"""A trial in a few characters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_made import make_trial

from lcsearch.cli.tables import short_words
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.layers.families.linear import LinearSpec


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({}, "alpha 1/4"),
        ({"a": 0.5, "b": 0.5}, "channels 1/2, alpha 1/4"),
        ({"a": 0.7, "b": 0.125, "c": 0.333333}, "channels 1/8 to 0.7, alpha 1/4"),
    ],
)
def test_channels_stand_before_the_layers(channels: dict[str, float], words: str) -> None:
    model = ModelSpec("net", 10, 3, 1.0, {"a": LinearSpec(0.25)}, channels, (8, 8))
    assert short_words(replace(make_trial(1), spec=TrialSpec(model))) == words
