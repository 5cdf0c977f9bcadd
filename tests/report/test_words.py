from __future__ import annotations

from hand_made import make_trial

from lcsearch.layers.families.linear import LinearSpec
from lcsearch.report.words import MOST_LINES, trial_words


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
