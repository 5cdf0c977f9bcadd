"""What follows from the times of steps in two precisions."""

from __future__ import annotations

import pytest

from lcsearch.core.precision import StepTimes


@pytest.mark.parametrize(
    ("float32", "bfloat16", "problem", "chosen"),
    [
        (1.15, 1.0, "", "bfloat16"),
        (1.14, 1.0, "", "float32"),
        (0.5, 1.0, "", "float32"),
        (3.0, 1.0, "fails: RuntimeError", "float32"),
        (None, None, "takes too long", "float32"),
    ],
)
def test_bfloat16_is_taken_where_it_is_clearly_faster_and_does(
    float32: float | None, bfloat16: float | None, problem: str, chosen: str
) -> None:
    times = StepTimes("EPYC", 1, 64, float32, bfloat16, problem)
    assert times.chosen == chosen
    assert times.words("vgg11").startswith(f"precision {chosen}: ")


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (
            StepTimes("EPYC", 1, 64, 0.3, 0.2),
            "precision bfloat16: a training step of vgg11 is 1.50 times as fast in bfloat16 "
            "(EPYC, 1 thread, 64 images)",
        ),
        (
            StepTimes("H100", 0, 64, 0.21, 0.2),
            "precision float32: a training step of vgg11 is 1.05 times as fast in bfloat16 "
            "(H100, 64 images); it is taken from 1.15 on",
        ),
        (
            StepTimes("EPYC", 2, 8, problem="has a loss or a gradient that is not finite"),
            "precision float32: in bfloat16 vgg11 has a loss or a gradient that is not finite "
            "(EPYC, 2 threads, 8 images)",
        ),
    ],
)
def test_the_line_says_what_was_chosen_and_why(times: StepTimes, words: str) -> None:
    assert times.words("vgg11") == words
