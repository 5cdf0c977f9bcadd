from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from lcsearch.core import plugins
from lcsearch.search.stopping import Arrival, find
from lcsearch.testing import check_stopping_rule


@pytest.mark.parametrize("name", plugins.names(plugins.STOPPING_RULE))
def test_ours_keep_the_contract(name: str) -> None:
    check_stopping_rule(find(name))


def forgets_the_empty_rung(arrival: Arrival) -> tuple[bool, str]:
    return arrival.trial.accuracy >= max(other.accuracy for other in arrival.others), "the best"


def counts_calls() -> Callable[[Arrival], tuple[bool, str]]:
    calls = itertools.count()
    return lambda arrival: (next(calls) % 7 != 0, "six of seven")


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (forgets_the_empty_rung, r"asked about Arrival\(.*others=\(\).*ValueError: max\(\)"),
        (counts_calls(), "a rule must depend on nothing but the arrival"),
        (lambda arrival: True, "it answered True; expected None, or a pair"),
        (lambda arrival: (1, "yes"), r"it answered \(1, 'yes'\)"),
        (lambda arrival: (True, ""), "its reason is ''"),
        (lambda arrival: (True, "one\ntwo"), "its reason is"),
    ],
)
def test_what_breaks_it_is_said(rule: Any, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_stopping_rule(rule)
