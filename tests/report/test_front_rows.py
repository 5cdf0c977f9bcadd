"""What is said of a front beside its table."""

from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.layers.families.basis import BasisSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.report.front_rows import families_words
from lcsearch.report.page import render


def test_the_families_of_the_front_are_counted_model_by_model() -> None:
    run = make_run(
        make_trial(0, 93.0, 9000, "baseline"),
        make_trial(1, 92.0, 900, layers={"a": LinearSpec(0.5), "b": LinearSpec(0.25), "c": BasisSpec(4)}),
        make_trial(2, 91.0, 500, layers={"a": LinearSpec(0.5)}),
        make_trial(3, 80.0, 950, layers={"a": BasisSpec(9)}),
    )
    words = "Models of the front: 2 with linear layers, 1 with basis layers, 1 of plain convolutions alone."
    assert families_words(run) == words
    assert words in render(run)


def test_nothing_is_said_of_plain_nets() -> None:
    run = make_run(make_trial(0, 93.0, 9000, "baseline"), make_trial(1, 90.0, 900))
    assert families_words(run) is None and "Models of the front" not in render(run)
