"""Defaults of settings that depend on where trials run."""

from __future__ import annotations

from lcsearch.core.machine import cores
from lcsearch.runs.setting import Place, Rule

CPU_TRIALS = 18
"""From scratch: about a quarter of an hour on two cores."""

_CPU_SHORT_TRIALS = 22
"""Likewise where most are a fine-tuning of one epoch.

The backbone, at most eight models that promise to lose the least and eleven that one would pick by hand, and
the sampler's: about seven minutes for `vgg11` on two cores of an AMD EPYC.
"""

_GPU_TRIALS, _GPU_SHORT_TRIALS = 60, 120
"""More where most are a short fine-tuning."""


def _trials(place: Place) -> int:
    scratch, short = (
        (CPU_TRIALS, _CPU_SHORT_TRIALS) if place.device == "cpu" else (_GPU_TRIALS, _GPU_SHORT_TRIALS)
    )
    return scratch if place.init == "scratch" else short


TRIALS = Rule(
    f"{_CPU_SHORT_TRIALS} on a CPU, from scratch {CPU_TRIALS}; else {_GPU_SHORT_TRIALS}, {_GPU_TRIALS}",
    _trials,
)
"""How many trials."""


def jobs_at(place: Place) -> int | None:
    """How many trials at once; None where the engine finds it out."""
    if place.engine == "ray":
        return None
    return cores() if place.device == "cpu" else 1


def _threads_alone(place: Place) -> int:
    """What a process takes by itself, unless others compute on the machine too."""
    if place.device != "cpu":
        return 0
    if place.reserved:
        return place.reserved
    import torch

    return torch.get_num_threads()


ALONE = Rule(
    "all cores of a CPU, or OMP_NUM_THREADS; the CPUs reserved on a cluster; 0 on a GPU", _threads_alone
)
"""How many threads the only training that runs takes."""
