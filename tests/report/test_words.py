from __future__ import annotations

import pytest

from lcsearch.core.spec import LayerSpec
from lcsearch.report.words import MOST_LINES, layer_words, result_words, share_words, trial_words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "1/2"), (0.25, "1/4"), (1 / 3, "1/3"), (1.0, "1"), (0.37, "0.37"), (0.0, "0"), (0.015625, "1/64")],
)
def test_shares(value, words):
    assert share_words(value) == words


def test_layers():
    assert layer_words(LayerSpec("conv")) == "plain"
    assert layer_words(LayerSpec("linear", 0.25, rank=10)) == "alpha 1/4, rank 10"
    assert layer_words(LayerSpec("linear", 0.4, sparsity=0.75)) == "alpha 0.4, 75% of coefficients zero"


def test_states(make_trial):
    assert result_words(make_trial(1, 91.234)) == "91.23 %"
    stopped = make_trial(1, None, state="pruned", epochs=(60.0,), predicted=80.5)
    assert result_words(stopped) == "stopped at 60.00 % after 1 epoch, predicted 80.50 %"
    failed = make_trial(1, None, state="failed", reason="loss became nan")
    assert result_words(failed) == "failed: loss became nan"


def test_layers_of_one_kind_share_a_line(make_trial):
    layer = LayerSpec("linear", 0.25)
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


def test_a_hover_stays_small_for_a_large_net(make_trial):
    layers = {f"layer4.{i}.conv" + "x" * i: LayerSpec("linear", 1 / (i + 2)) for i in range(50)}
    words = trial_words(make_trial(3, 90.0, layers=layers))
    assert len(words) == MOST_LINES
    assert max(map(len, words)) < 55
