"""Which choices matter: how much accuracy and size change when one choice is shuffled among the trials.

Accuracy: a random forest learns accuracy from the choices of all complete trials; then each layer's
choice (all its numbers together) is shuffled among the trials, and what that does to
the forest's prediction, squared and averaged, is the layer's importance (Breiman 2001, here by groups
of columns). Size needs no model: parameters add up over layers, so shuffling a layer's choice
changes them by twice that layer's variance, exactly. Both are given as shares of their sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from lcsearch.core.metric import metric_words
from lcsearch.core.records import THINNER, RunRecord, TrialRecord
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers import lookup
from lcsearch.report.plot import Plot
from lcsearch.report.remember import remember_last
from lcsearch.report.style import BLUE, VERMILION, plotly_text, short_name

FEWEST_TRIALS = 12
"""Below this the forest learns nothing that is worth a plot."""

LEAST_EXPLAINED = 0.1
"""The out-of-bag R² below which importance for accuracy is not shown as a finding."""

_SHUFFLES = 5
_TREES = 64
_WEIGHT_OFF_LOG10 = -8.0
_MOST_BARS = 20

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Importance:
    """Importance of each choice.

    Attributes:
        choices: Names: layers, then ``regularizer``, ``width``, ``lr`` where they differ between trials.
        accuracy: Share of the change in accuracy, summing to 1 (or 0 where nothing matters).
        params: Share of the change in parameters, likewise.
        explained: Out-of-bag R² of the forest: 1 explains accuracy fully, 0 or less not at all.
        trials: How many trials it was learned from.
        metric: What people call an accuracy.
    """

    choices: tuple[str, ...]
    accuracy: tuple[float, ...]
    params: tuple[float, ...]
    explained: float
    trials: int
    metric: str = "accuracy"


@remember_last
def importance(run: RunRecord) -> Importance | None:
    """Return the importance of every choice that differs between trials; None where there is too little.

    The same run gives the same numbers.

    Args:
        run: The run; hand-picked thinner nets are left out, whatever their layers, and what trains on.
    """
    left_out = ("thinner cut", *THINNER)
    trials = [t for t in run.complete if t.origin not in left_out and not t.continues]
    columns = choice_columns(trials)
    if len(trials) < FEWEST_TRIALS or not columns:
        return None
    shares, explained = _accuracy_shares(trials, columns)
    params = _params_shares(trials, list(columns))
    return Importance(tuple(columns), shares, params, explained, len(trials), metric_words(run.metric))


def choice_columns(trials: Sequence[TrialRecord]) -> dict[str, Array]:
    """Encode what differs between trials.

    Returns:
        Choice name to its columns, shape (trials, columns of that choice); constant choices left out.
    """
    names: dict[str, None] = {}
    models = [trial.spec.model for trial in trials]
    for trial in trials:
        names |= dict.fromkeys(layer.name for layer in trial.layers)
        names |= dict.fromkeys(trial.spec.model.layers)
        names |= dict.fromkeys(trial.spec.model.channels)
    columns = {
        name: np.hstack([_layer([m.layers.get(name) for m in models]), _channels(name, models)])
        for name in names
    }
    weights = [t.spec.regularizer.weight for t in trials]
    columns["regularizer"] = np.array([[math.log10(w) if w > 0 else _WEIGHT_OFF_LOG10] for w in weights])
    columns["width"] = np.array([[t.spec.model.width] for t in trials])
    columns["lr"] = np.array([[t.spec.recipe.lr] for t in trials])
    return {name: column for name, column in columns.items() if column.size and np.ptp(column, axis=0).any()}


def _channels(name: str, models: Sequence[ModelSpec]) -> Array:
    """The logarithm of the share of a group's channels in each trial; no column where none goes anywhere."""
    found = [[math.log2(model.channels.get(name, 1.0))] for model in models]
    return np.array(found) if any(name in model.channels for model in models) else np.empty((len(found), 0))


def _layer(specs: Sequence[LayerSpec | None]) -> Array:
    """The numbers of one layer in each trial by each family that occurs, and which it is if several do."""
    kinds = sorted({spec.family for spec in specs if spec is not None})
    blocks = [np.empty((len(specs), 0))]
    for kind in kinds:
        own = [spec if spec is not None and spec.family == kind else None for spec in specs]
        blocks.append(np.array([lookup.family(kind).coordinates(spec) for spec in own]))
    if len(kinds) > 1:
        blocks.append(np.array([[-1 if spec is None else kinds.index(spec.family)] for spec in specs]))
    return np.concatenate(blocks, axis=1)


def _accuracy_shares(
    trials: Sequence[TrialRecord], columns: Mapping[str, Array]
) -> tuple[tuple[float, ...], float]:
    from sklearn.ensemble import RandomForestRegressor

    features = np.concatenate(list(columns.values()), axis=1)
    target = np.array([t.accuracy for t in trials], dtype=np.float64)
    if np.ptp(target) == 0:
        return (0.0,) * len(columns), 0.0
    forest = RandomForestRegressor(
        _TREES, min_samples_leaf=2, max_features=0.4, oob_score=True, random_state=0, n_jobs=1
    )
    forest.fit(features, target)
    predicted = forest.predict(features)
    generator = np.random.default_rng(0)
    changes, start = [], 0
    for column in columns.values():
        block = slice(start, start := start + column.shape[1])
        shuffled = np.repeat(features[None], _SHUFFLES, axis=0)
        for copy in shuffled:
            copy[:, block] = copy[generator.permutation(len(copy)), block]
        changed = forest.predict(shuffled.reshape(-1, features.shape[1])).reshape(_SHUFFLES, -1)
        changes.append(float(np.mean((changed - predicted) ** 2)))
    return _as_shares(changes), float(forest.oob_score_)


def _params_shares(trials: Sequence[TrialRecord], choices: Sequence[str]) -> tuple[float, ...]:
    """Shares of the variance of each layer's parameters; width acts through the layers and has none."""
    kept = [{layer.name: layer.params for layer in t.layers} for t in trials]
    return _as_shares([float(np.var([row.get(name, 0) for row in kept])) for name in choices])


def _as_shares(changes: Sequence[float]) -> tuple[float, ...]:
    total = math.fsum(changes)
    return tuple(c / total if total > 0 else 0.0 for c in changes)


def importance_figure(data: Importance) -> go.Figure:
    """Draw the share of each choice in accuracy and in parameters, largest above."""
    order = sorted(range(len(data.choices)), key=lambda i: -(data.accuracy[i] + data.params[i]))[:_MOST_BARS]
    names = [plotly_text(short_name(data.choices[i])) for i in order]
    figure = go.Figure(
        [
            _bars(data.metric, names, [data.accuracy[i] for i in order], BLUE, ""),
            _bars("parameters", names, [data.params[i] for i in order], VERMILION, "/"),
        ]
    )
    figure.update_layout(
        barmode="group",
        bargap=0.25,
        xaxis={"title": {"text": "share, %"}, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "type": "category", "ticksuffix": " "},
        height=110 + max(120, 30 * len(order)),
    )
    return figure


def _bars(name: str, choices: Sequence[str], shares: Sequence[float], colour: str, pattern: str) -> go.Bar:
    values = [round(100 * share, 1) for share in shares]
    return go.Bar(
        name=name,
        y=choices,
        x=values,
        orientation="h",
        marker={"color": colour, "pattern": {"shape": pattern, "solidity": 0.25}},
        hovertext=[f"{c}: {v:.1f} % of what changes {name}" for c, v in zip(choices, values, strict=True)],
        hoverinfo="text",
    )


def _words(data: Importance) -> str:
    words = (
        f"How much {data.metric} and parameters change when one choice is shuffled among the trials, "
        "as shares of all change."
    )
    if data.explained < LEAST_EXPLAINED:
        return (
            f"{words} From {data.trials} trials {data.metric} could not be predicted "
            f"(R² {data.explained:.2f} on unseen trials): take its bars as noise."
        )
    return f"{words} Learned from {data.trials} trials; it predicts unseen ones with R² {data.explained:.2f}."


PLOT = Plot(
    "Which choices matter",
    importance,
    importance_figure,
    _words,
    missing=f"It takes {FEWEST_TRIALS} complete trials that differ to say.",
)
