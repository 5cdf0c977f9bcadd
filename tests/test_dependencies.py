"""What lcsearch imports is declared in pyproject.toml, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]

NOT_IMPORTED = {"onnx", "onnxscript", "botorch", "optuna-dashboard", "psycopg"}
"""Declared for others: torch's ONNX export, Optuna's GP sampler, SQLAlchemy, and people."""

OF = {"mlflow": "mlflow-skinny"}
"""The distribution of a package, where it need not be installed and is called otherwise."""


def _distribution(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower()


def _declared(*extras: str) -> set[str]:
    optional = PROJECT["optional-dependencies"]
    lists = [PROJECT["dependencies"], *(optional[extra] for extra in extras)]
    return {_distribution(requirement) for requirements in lists for requirement in requirements}


def _imported() -> set[str]:
    """The distributions whose packages lcsearch imports anywhere, those for one optional feature included."""
    packages = set()
    for file in (TOP / "lcsearch").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                packages |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                packages.add(node.module.partition(".")[0])
    known = packages_distributions()
    outside = packages - set(sys.stdlib_module_names) - {"lcsearch"}
    return {known.get(name, [OF.get(name, name)])[0].lower().replace("_", "-") for name in outside}


def test_what_is_imported_and_what_is_declared_are_the_same() -> None:
    features = set(PROJECT["optional-dependencies"]) - {"dev", "docs", "zoo"}  # what people alone use
    assert _imported() == _declared(*features) - NOT_IMPORTED
