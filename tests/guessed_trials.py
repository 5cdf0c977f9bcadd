"""Recorded trials that are made up, for surrogates to guess."""

from __future__ import annotations

import math

import numpy as np
from spaces import bind_tiny

from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.runs.store import Proposal

SPACE = bind_tiny({"point": {"kind": ["conv", "linear"], "alpha": {"low": 0.1, "high": 1.0}}})


def stored(offset: float, seed: int = 0) -> list[tuple[TrialRecord, Proposal]]:
    """Trials of 20 models whose accuracy is a line in the logarithm of what is kept, every second cut out."""
    rng, found = np.random.default_rng(seed), list[tuple[TrialRecord, Proposal]]()
    for number in range(20):
        alpha, cut = float(np.exp(rng.uniform(np.log(0.1), 0.0))), number % 2 == 0
        recipe = Recipe(init="backbone" if cut else "scratch", epochs=1 if cut else 4)
        spec = TrialSpec(ModelSpec("tiny", 10, 3, layers={"point": LinearSpec(alpha)}), recipe=recipe)
        accuracy = 90 + math.log(alpha) + offset * cut
        params = SPACE.params(spec.model)
        record = TrialRecord(number, "complete", "sampler", "", spec, params, 1, accuracy=accuracy)
        answers = SPACE.encode(spec)
        assert answers is not None
        found.append((record, Proposal(*answers)))
    return found
