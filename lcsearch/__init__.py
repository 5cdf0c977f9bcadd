"""lcsearch: a search that makes CNNs smaller with LinearConv layers.

In your own code: ``lcsearch.load_model("best.safetensors")``, ``lcsearch.convert(my_model, "best.yaml")`` and
``lcsearch.LinearConv2d``. With your own training loop: ``lcsearch.search(space, objective, ...)``. What a run
has recorded: ``lcsearch.read_run("runs/mine")``. Each is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcsearch.core.spec import TrialSpec
    from lcsearch.core.stopwatch import during
    from lcsearch.export.load import convert, load_model
    from lcsearch.layers import LinearConv2d, prune_coefficients
    from lcsearch.report.shown import read_run
    from lcsearch.runs.trackers import Tracker
    from lcsearch.search.python import build_model, penalty, search
    from lcsearch.train.user import TrialReport

__version__ = "0.1.0"
__all__ = [
    "LinearConv2d",
    "Tracker",
    "TrialReport",
    "TrialSpec",
    "__version__",
    "build_model",
    "convert",
    "during",
    "load_model",
    "penalty",
    "prune_coefficients",
    "read_run",
    "search",
]

_WHERE = {
    "LinearConv2d": "lcsearch.layers",
    "Tracker": "lcsearch.runs.trackers",
    "TrialReport": "lcsearch.train.user",
    "TrialSpec": "lcsearch.core.spec",
    "build_model": "lcsearch.search.python",
    "convert": "lcsearch.export.load",
    "during": "lcsearch.core.stopwatch",
    "load_model": "lcsearch.export.load",
    "penalty": "lcsearch.search.python",
    "prune_coefficients": "lcsearch.layers",
    "read_run": "lcsearch.report.shown",
    "search": "lcsearch.search.python",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with warnings.catch_warnings():
        # In a notebook tqdm, which Optuna imports, asks for ipywidgets, though none of its bars is shown.
        warnings.filterwarnings("ignore", message="IProgress not found")
        return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
