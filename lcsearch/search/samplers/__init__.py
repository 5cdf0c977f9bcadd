"""What to try next: one sampler a file, over Optuna's sampler interface.

Each file holds ``make(seed, space)``. A sampler is made anew for every trial, seeded from the run's
seed and the trial's number, and keeps nothing but what the study holds: so a restarted run asks
the same questions and gets the same answers.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, cast

from lcsearch.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from lcsearch.search.space import BoundSpace


class _SamplerFile(Protocol):
    @staticmethod
    def make(seed: int, space: BoundSpace | None) -> BaseSampler: ...


def names() -> list[str]:
    """The samplers' names, which are their files' names."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def make(name: str, *, seed: int, space: BoundSpace | None = None) -> BaseSampler:
    """Make a sampler for one trial.

    Args:
        name: One of ``names()``.
        seed: Seeds everything random in it; any non-negative integer.
        space: What is searched; samplers that know layers need it.

    Raises:
        InputError: There is no such sampler, or it needs a space or a package that is not there.
    """
    if name not in names():
        raise InputError(f"--sampler: unknown sampler {name!r}; {did_you_mean(name, names())}")
    file = cast("_SamplerFile", importlib.import_module(f"{__name__}.{name}"))
    return file.make(seed % 2**32, space)
