"""What cannot be screened is said in one line before a run is made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated_search import bound_base

from lcsearch.core.errors import InputError
from lcsearch.runs.settings import RunSettings
from lcsearch.search.screening.check import check_screening, screening_images

SETTINGS = RunSettings("base", "digits", screen=8, screen_images=0.25)


def test_a_share_of_the_training_images_judges_candidates() -> None:
    assert [screening_images(SETTINGS, count) for count in (3, 4, 100, 10_000)] == [1, 1, 25, 2500]


@pytest.mark.parametrize(
    ("share", "available", "said"),
    [
        (0.01, 40, "of 40 training images that is 0 to evaluate candidates on and 40 to cut them out by"),
        (0.99, 100, "of 100 training images that is 99 to evaluate candidates on and 1 to cut them out by"),
        (0.5, 2, "of 2 training images that is 1 to evaluate candidates on and 1 to cut them out by"),
    ],
)
def test_too_few_images_are_refused(share: float, available: int, said: str) -> None:
    settings = replace(SETTINGS, screen_images=share)
    with pytest.raises(InputError) as raised:
        check_screening(settings, bound_base(), available)
    assert str(raised.value) == f"screen_images={share}: {said}; at least 1 and 2 are needed"
    check_screening(replace(settings, screen=0), bound_base(), available)


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "nsga2"])
def test_a_sampler_that_chooses_among_no_candidates_is_refused(sampler: str) -> None:
    settings = replace(SETTINGS, sampler=sampler)
    with pytest.raises(InputError) as raised:
        check_screening(settings, bound_base(), 100)
    said = "which chooses among no candidates; use sampler='recombine' or screen=0"
    assert str(raised.value) == f"screen=8: means nothing with sampler='{sampler}', {said}"
    check_screening(replace(settings, screen=0), bound_base(), 100)
    check_screening(SETTINGS, bound_base(), 100)
