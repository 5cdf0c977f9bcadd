"""Runs and files that version 0.1 wrote before its modules were moved, and what it said of them."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data_files" / "version_0_1"
EXPECTED: dict[str, Any] = json.loads(gzip.decompress((FOLDER / "expected.json.gz").read_bytes()))


def unpack(name: str, folder: Path) -> Path:
    """Unpack a run, or the folder ``files``, and return where it lies."""
    with tarfile.open(FOLDER / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def numbers(status: dict[str, Any]) -> dict[str, Any]:
    """What of ``lcsearch status --json`` must not change."""
    shown = ("trial", "accuracy", "params", "macs")
    return {
        "trials": status["trials"],
        "baseline": status["baseline"],
        "hypervolume": round(status["hypervolume"], 6),
        "epochs_trained": status["epochs_trained"],
        "front": [{key: member[key] for key in shown} for member in status["front"]],
    }


def trials(path: Path) -> list[dict[str, Any]]:
    """Every trial of a run as the expected ones are written."""
    from lcsearch.runs.read import read_run

    shown = ("number", "state", "origin", "label", "params", "macs", "accuracy", "parent", "duplicate_of")
    return [
        {**{key: getattr(trial, key) for key in shown}, "spec": trial.spec.to_plain()}
        for trial in read_run(path).trials
    ]
