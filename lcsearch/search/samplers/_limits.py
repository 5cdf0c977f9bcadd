"""What earlier trials tell about the limits of a run.

The study that samplers see carries, with each trial, by how much it is over each limit, as a share of
the limit: under ``constraints:max_params`` its params, under other names other sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial

_PREFIX = "constraints:"
_PARAMS = "max_params"
_RIDGE = 1e-2
_SLACK = 0.02


def violations(trial: FrozenTrial) -> dict[str, float]:
    """By limit: the excess as a share of it; at most 0 where it is kept."""
    found = trial.system_attrs.items()
    return {k.removeprefix(_PREFIX): float(v) for k, v in found if k.startswith(_PREFIX)}


class Limits:
    """Limits as far as trials tell them.

    Args:
        over: Of earlier trials: by limit, the excess as a share of it.
        params: Their parameter counts.
        features: Their features, from which other sizes are guessed.
    """

    def __init__(
        self, over: Sequence[Mapping[str, float]], params: Sequence[int], features: Sequence[np.ndarray]
    ) -> None:
        self.max_params = math.inf
        targets: dict[str, list[tuple[int, float]]] = {}
        for index, excesses in enumerate(over):
            for name, excess in excesses.items():
                if name == _PARAMS:
                    self.max_params = round(params[index] / (1.0 + excess))
                elif excess > -1.0:
                    targets.setdefault(name, []).append((index, math.log1p(excess)))
        self._lines = []
        for found in targets.values():
            if len(found) >= 3 and any(excess > 0 for _, excess in found):
                rows = np.array([row(params[index], features[index]) for index, _ in found])
                self._lines.append(line(rows, np.array([excess for _, excess in found])))

    def keeps(self, params: int, features: np.ndarray) -> bool:
        """Whether a model probably keeps every limit; certain only for its params."""
        if params > self.max_params or not self._lines:
            return params <= self.max_params
        own = row(params, features)
        return all(float(own @ fit) <= _SLACK for fit in self._lines)


def row(params: int, features: np.ndarray) -> np.ndarray:
    """What a size is guessed from."""
    return np.concatenate([[1.0, math.log(params)], features])


def line(rows: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Ridge regression of the logarithm of a size on what is known before training."""
    return np.asarray(np.linalg.solve(rows.T @ rows + _RIDGE * np.eye(rows.shape[1]), rows.T @ target))
