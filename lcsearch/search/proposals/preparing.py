"""What a run makes before the first model is cut out of its backbone: measurements and proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lcsearch.core.job import Progress
from lcsearch.core.spec import ModelSpec
from lcsearch.runs.settings import RunSettings
from lcsearch.search.proposals.guided import best_for_budgets
from lcsearch.search.space import BoundSpace
from lcsearch.search.workers import make_objective
from lcsearch.train.start import Start, prepare

GUIDED = 8
"""Models that the layers' sensitivity proposes before any sampler is asked."""


@dataclass(frozen=True)
class Preparing:
    """Measures the trained backbone in this process; what is measured already is read.

    Attributes:
        settings: Every setting of the run.
        space: The space, bound to the backbone.
    """

    settings: RunSettings
    space: BoundSpace

    def __call__(self, start: Path, progress: Progress) -> Sequence[ModelSpec]:
        """Fill the start folder and return the models that promise to lose the least.

        Largest first: each can be cut out of the one before.
        """
        settings = self.settings
        plain = self.space.plain()
        assert settings.fine_tune is not None
        prepare(
            start,
            template=plain,
            layers=self.space.searched_layers,
            data=lambda: make_objective(settings).data(),
            recipe=settings.fine_tune,
            seed=settings.seed,
            device=settings.device,
            threads=settings.threads,
            progress=progress,
        )
        found = Start(start).read_sensitivity()
        return distinct(best_for_budgets(found, replace(self.space, template=plain), self.budgets()))

    def budgets(self) -> list[int]:
        """Parameters between the backbone and the smallest model, in equal steps of their logarithm."""
        largest = self.space.params(self.space.plain())
        largest = min(largest, self.settings.max_params or largest)
        return log_spaced(self.space.params(self.space.smallest()), largest, GUIDED)


def log_spaced(smallest: int, largest: int, count: int) -> list[int]:
    """So many sizes between two others, these left out, in equal steps of their logarithm, largest first."""
    step = (smallest / largest) ** (1 / (count + 1))
    return [round(largest * step**place) for place in range(1, count + 1)]


def distinct(models: Sequence[ModelSpec]) -> list[ModelSpec]:
    """Models in their order, none twice."""
    kept: list[ModelSpec] = []
    for model in models:
        if model not in kept:
            kept.append(model)
    return kept
