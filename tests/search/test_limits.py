"""Sizes above which nothing is trained."""

from __future__ import annotations

import pytest

from lcsearch.search.limits import Limits


def test_an_excess_is_a_share_of_its_limit() -> None:
    found = Limits(max_params=100, max_macs=1000).violations(150, 500)
    assert found == {"max_params": pytest.approx(0.5), "max_macs": pytest.approx(-0.5)}


def test_at_a_limit_it_is_kept() -> None:
    assert Limits(max_params=100).violations(100, 10**9) == {"max_params": 0.0}
    assert Limits(max_macs=100).violations(10**9, 101) == {"max_macs": pytest.approx(0.01)}


def test_without_limits_nothing_is_violated() -> None:
    assert Limits().violations(10**9, 10**9) == {}
