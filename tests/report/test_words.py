from __future__ import annotations

from dataclasses import replace

from hand_made import make_trial

from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.report.words import MOST_LINES, choice_words, trial_words


def test_layers_of_one_kind_share_a_line():
    layer = LinearSpec(0.25)
    words = trial_words(
        make_trial(3, 90.0, 1_230_000, layers={"a": layer, "b": layer}, label="mine", weight=0.01)
    )
    assert words == (
        "trial 3: mine",
        "90.00 %",
        "1.23M parameters, 12.3M MACs",
        "alpha 1/4: a, b",
        "regularizer weight 0.01",
    )


def test_a_hover_stays_small_for_a_large_net():
    layers = {f"layer4.{i}.conv" + "x" * i: LinearSpec(1 / (i + 2)) for i in range(50)}
    words = trial_words(make_trial(3, 90.0, layers=layers))
    assert len(words) == MOST_LINES
    assert max(map(len, words)) < 55


def test_groups_of_one_share_share_a_line():
    channels = {"a": 0.5, "b": 0.333333, "c": 0.5, "d": 0.71875}
    spec = replace(make_trial(3).spec, model=ModelSpec("net", 10, 3, channels=channels, image_size=(8, 8)))
    assert choice_words(spec) == (
        "channels 1/2: a, c",
        "channels 1/3: b",
        "channels 0.72: d",
        "every convolution plain",
    )
