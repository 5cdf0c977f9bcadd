"""What the search may try next."""

from __future__ import annotations

from dataclasses import dataclass

import optuna

from lcsearch.core.records import Origin
from lcsearch.core.spec import TrialSpec
from lcsearch.runs.store import Proposal


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to try.

    Attributes:
        origin: Who proposed it.
        label: What to call it.
        spec: What to train.
        proposal: How it was proposed, in Optuna's terms.
        asked: The sampler's own trial; None for what was planned.
    """

    origin: Origin
    label: str
    spec: TrialSpec
    proposal: Proposal
    asked: optuna.Trial | None = None
