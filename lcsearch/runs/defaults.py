"""Defaults of settings that depend on where trials run."""

from __future__ import annotations

import os

from lcsearch.runs.setting import Place, Rule

CPU_TRIALS = 18
"""What two cores do in a quarter of an hour."""

_GPU_TRIALS, _GPU_SHORT_TRIALS = 60, 120
"""More where most are a short fine-tuning."""


def _trials(place: Place) -> int:
    if place.device == "cpu":
        return CPU_TRIALS
    return _GPU_TRIALS if place.init == "scratch" else _GPU_SHORT_TRIALS


TRIALS = Rule(f"{CPU_TRIALS} on a CPU, else {_GPU_SHORT_TRIALS}, from scratch {_GPU_TRIALS}", _trials)
"""How many trials."""


def jobs_at(place: Place) -> int | None:
    """How many trials at once; None where the engine finds it out."""
    if place.engine == "ray":
        return None
    return len(os.sched_getaffinity(0)) if place.device == "cpu" and hasattr(os, "sched_getaffinity") else 1
