"""Packages that one feature needs, and lcsearch itself does not."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from lcsearch.core.errors import InputError

EXTRAS = {
    "onnx": (("onnx", "onnxscript", "onnxruntime"), "models as ONNX"),
    "image": (("kaleido",), "plots as PNG and SVG"),
    "gp": (("botorch",), "the sampler gp"),
    "dashboard": (("optuna_dashboard",), "optuna-dashboard of a run"),
    "postgresql": (("psycopg",), "studies on a server"),
    "tensorboard": (("tensorboard",), "runs followed in TensorBoard"),
    "mlflow": (("mlflow",), "runs followed in MLflow"),
    "wandb": (("wandb",), "runs followed in Weights & Biases"),
    "trackio": (("trackio",), "runs followed in Trackio"),
    "timm": (("timm",), "backbones timm:NAME"),
    "hf": (("datasets",), "data sets hf:NAME"),
    "zoo": (("timm",), "nets of timm in tests"),
}
"""Extras by name: the packages that each brings, and what for."""


def require(packages: Sequence[str], install: str, setting: str) -> None:
    """Check, without importing any, that packages are installed.

    Args:
        packages: What is imported.
        install: What ``pip install`` is to be given where one of them is missing.
        setting: The setting that asked for the feature, for the message.

    Raises:
        InputError: One is missing.
    """
    missing = [name for name in packages if not installed(name)]
    if missing:
        problem = f"needs {', '.join(missing)}, not installed here; pip install '{install}'"
        raise InputError(problem, setting=setting)


def installed(package: str) -> bool:
    """Whether a package can be imported; a folder of its name without code, such as its output, is none."""
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None
