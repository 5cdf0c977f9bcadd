from __future__ import annotations

import pytest

from lcsearch.report.axes import window_of


@pytest.mark.parametrize(
    ("accuracies", "window"),
    [
        ([], (0.0, 100.0)),
        ([90.0, 80.0], (79.1, 90.9)),  # 0.08 of 10 points and 0.1
        ([90.0, 20.0], (79.1, 90.9)),  # 10 points under the best, no lower
        ([90.0], (89.82, 90.18)),  # 0.08 of at least one point and 0.1
        ([100.0, 90.0], (89.1, 100.5)),  # hardly above 100 %
    ],
)
def test_the_accuracies_that_matter(accuracies, window):
    assert window_of(iter(accuracies)) == pytest.approx(window)
