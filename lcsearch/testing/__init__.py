"""Contract suites: what a backbone, a sampler, a plot, ... of your own must hold, ready to be run.

    from lcsearch.testing import check_sampler
    from my_package import make_grid

    def test_the_grid_keeps_the_contract():
        check_sampler(make_grid)

Each suite is one function that raises AssertionError and says what is wrong and what was expected. Functions
need no test framework and no class to inherit from: they run under pytest and unittest alike, in a script and
in a notebook, and what they are given may be made in any way. lcsearch runs them over everything that it
brings along.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcsearch.testing.backbones import check_backbone
    from lcsearch.testing.data_sets import check_data_set
    from lcsearch.testing.engines import check_engine
    from lcsearch.testing.export_formats import check_export_format
    from lcsearch.testing.families import check_family
    from lcsearch.testing.plots import check_plot
    from lcsearch.testing.samplers import check_sampler
    from lcsearch.testing.stopping_rules import check_stopping_rule
    from lcsearch.testing.trackers import check_tracker

_MODULES = {
    "check_backbone": "backbones",
    "check_data_set": "data_sets",
    "check_engine": "engines",
    "check_export_format": "export_formats",
    "check_family": "families",
    "check_plot": "plots",
    "check_sampler": "samplers",
    "check_stopping_rule": "stopping_rules",
    "check_tracker": "trackers",
}

__all__ = [
    "check_backbone",
    "check_data_set",
    "check_engine",
    "check_export_format",
    "check_family",
    "check_plot",
    "check_sampler",
    "check_stopping_rule",
    "check_tracker",
]


def __getattr__(name: str) -> Any:
    """Import a suite when it is first asked for: the workers of an engine need none."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
