"""What a child of known size and guessed accuracy is expected to add."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from lcsearch.core.improvement import expected_improvement
from lcsearch.core.pareto import Box, hypervolume


def test_expected_improvement_against_sampling():
    rng = np.random.default_rng(0)
    box = Box(88.0, 200.0, 1e4, 1e6)
    accuracy, sizes = np.array([90.0, 92.0, 93.0, 91.0]), np.array([3e4, 1e5, 8e5, 5e5])
    mean, spread, params = np.array([91.0, 92.5, 89.0]), np.array([0.5, 1.0, 2.0]), np.array([5e4, 9e4, 2e4])
    exact = expected_improvement(mean, spread, params, accuracy, sizes, box)
    area = (box.accuracy_high - box.accuracy_low) * math.log(box.params_high / box.params_low)
    there = list(zip(accuracy, sizes, strict=True))
    for index in range(3):
        draws = norm.rvs(mean[index], spread[index], 4000, random_state=rng)
        gains = [hypervolume([*there, (a, params[index])], box) - hypervolume(there, box) for a in draws]
        assert exact[index] == pytest.approx(np.mean(gains) * area, rel=0.08, abs=0.01)


def test_what_is_certain_adds_its_area():
    """The front's steps: 90 from 1e4 on, 92 from 1e5 on. Below 88, and outside 1e3 to 1e6, nothing counts."""
    box, decade = Box(88.0, 89.0, 1e3, 1e6), math.log(10)
    accuracy, sizes = np.array([92.0, 90.0, 89.0]), np.array([1e5, 1e4, 5e4])
    children = {
        (91.0, 1e4): 1.0 * decade,
        (93.0, 1e3): 5.0 * decade + 3.0 * decade + 1.0 * decade,
        (93.0, 1.0): 5.0 * decade + 3.0 * decade + 1.0 * decade,
        (95.0, 1e5): 3.0 * decade,
        (95.0, 1e6): 0.0,
        (87.0, 1e3): 0.0,
    }
    mean, params = (np.array(column) for column in zip(*children, strict=True))
    found = expected_improvement(mean, np.full(6, 1e-6), params, accuracy, sizes, box)
    assert found == pytest.approx(list(children.values()), abs=1e-5)
