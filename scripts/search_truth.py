"""The recorded benchmark as a function: what a spec of ``base`` would reach after each epoch.

Fitted to the records that ``record_benchmark.py`` made, on what each layer keeps, all epochs at once, in
two ways that know nothing of each other: ``trees`` is quadratic ridge regression plus extremely randomised
trees on what the ridge leaves, another kind of model than what is inside any sampler; ``gp`` is a Gaussian
process with a length scale per feature. What wins under one should win under the other. Neither says more
than was recorded: a curve is cut to the range of the recorded ones, epoch by epoch. Noise is drawn whole
curves at a time from specs that were trained with several seeds.

`Formula` is a stand-in that needs no records: an additive loss per layer, written down, not measured.
"""

from __future__ import annotations

import gzip
import json
import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from bound_space import bound_space
from scipy.optimize import minimize
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from lcsearch.core.spec import ModelSpec, read_layer
from lcsearch.layers import arithmetic
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.shape import Shapes
from lcsearch.nets.replaceable import conv_layers, shape_of
from lcsearch.nets.surgery import build_model
from lcsearch.search.space import BoundSpace

PLAIN = LinearSpec(1.0)
"""A plain convolution, as LinearConv says it."""
RECORDS = Path(__file__).parent.parent / "tests" / "data_files" / "base_fashion_mnist.json.gz"
_OF_A_MODEL = {field.name for field in fields(ModelSpec)}
Array = np.ndarray


@dataclass(frozen=True)
class Records:
    """The file that ships: how it was made, and one line per training."""

    about: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Records:
        """Read the file."""
        plain = json.loads(gzip.decompress(path.read_bytes()))
        return cls(plain["about"], plain["records"])

    @cached_property
    def by_spec(self) -> list[list[Mapping[str, Any]]]:
        """Trainings of one spec with different seeds, together; one that was recorded twice, once."""
        groups = defaultdict[str, dict[int, Mapping[str, Any]]](dict)
        for line in self.lines:
            groups[json.dumps(line["spec"], sort_keys=True)].setdefault(line["seed"], line)
        return [list(group.values()) for group in groups.values()]

    @cached_property
    def curves(self) -> Array:
        """Accuracy per spec and epoch, averaged over seeds: (specs, epochs)."""
        return np.array([np.mean([line["accuracy"] for line in group], axis=0) for group in self.by_spec])

    @cached_property
    def noise(self) -> Array:
        """Deviations from a spec's mean curve, scaled to one training's: (trainings, epochs)."""
        found = []
        for group in self.by_spec:
            if len(group) > 1:
                curves = np.array([line["accuracy"] for line in group])
                found += list((curves - curves.mean(0)) * math.sqrt(len(group) / (len(group) - 1)))
        return np.array(found)


def base_space(about: Mapping[str, Any]) -> BoundSpace:
    """The space of what was recorded; records that say nothing of channels searched none."""
    plain = ModelSpec("base", num_classes=10, in_channels=1)
    return bound_space(plain, about["image_size"], channels=about.get("channels", False))


def thinning(space: BoundSpace, shapes: Shapes) -> list[float]:
    """Logarithms of the shares of their output channels that convolutions keep."""
    plain = space.shapes(space.thinning.full)
    return [math.log(shape.out_channels / plain[name].out_channels) for name, shape in shapes.items()]


def shapes_of(space: BoundSpace, model: ModelSpec) -> Shapes:
    """Shapes of a model's convolutions; what was recorded before there were channels may have a width."""
    if model.width != 1:
        return _at_width(model.width)
    channels = space.all_channels()
    return channels.shapes(channels.counts(model.channels))


@cache
def _at_width(width: float) -> Shapes:
    with torch.device("meta"):
        net = build_model(ModelSpec("base", num_classes=10, in_channels=1, width=width))
    return {name: shape_of(conv) for name, conv in conv_layers(net).items()}


class Truth:
    """Accuracy per epoch of any spec of ``base``, in percent.

    Args:
        records: What it is fitted to.
        fit: ``trees`` or ``gp``.
    """

    def __init__(self, records: Records, fit: str = "trees") -> None:
        self.records = records
        self._make: Callable[[Array, Array], Callable[[Array], Array]] = FITS[fit]
        self._space = base_space(records.about)
        self._cache: dict[tuple[float, ...], Array] = {}
        self._rows = np.array(
            [self.features(_model(g[0]["spec"]), _weight(g[0]["spec"])) for g in records.by_spec]
        )
        self._fit = self._make(self._rows, _worse(records.curves))
        self._range = records.curves.min(axis=0), records.curves.max(axis=0)

    @property
    def about(self) -> Mapping[str, Any]:
        """How the records were made."""
        return self.records.about

    @property
    def noise(self) -> Array:
        """Deviations of whole curves to draw from: (curves, epochs)."""
        return self.records.noise

    def curve(self, model: ModelSpec, weight: float) -> Array:
        """Noise-free accuracy after each epoch: (epochs,)."""
        row = self.features(model, weight)
        key = tuple(row)
        if key not in self._cache:
            self._cache[key] = np.clip(_better(self._fit(row[None]))[0], *self._range)
        return self._cache[key]

    def cross_validate(self, folds: int = 10) -> dict[str, float]:
        """Rank correlation and error of the final accuracy, of specs that the fit has not seen."""
        actual = self.records.curves
        guessed = np.zeros_like(actual)
        for train, test in KFold(min(folds, len(actual)), shuffle=True, random_state=0).split(self._rows):
            guessed[test] = _better(self._make(self._rows[train], _worse(actual[train]))(self._rows[test]))
        error = guessed[:, -1] - actual[:, -1]
        return {
            "rank_correlation": float(spearmanr(guessed[:, -1], actual[:, -1]).statistic),
            "rank_correlation_first_epoch": float(spearmanr(guessed[:, 0], actual[:, 0]).statistic),
            "rms_error": float(np.sqrt(np.mean(error**2))),
            "median_error": float(np.median(np.abs(error))),
            "spread": float(np.std(actual[:, -1])),
        }

    def features(self, model: ModelSpec, weight: float) -> Array:
        """Logarithms of what each layer keeps, its alpha, rank and density; then channels and regularizer."""
        shapes = shapes_of(self._space, model)
        numbers: list[float] = []
        total = 0
        for name, shape in shapes.items():
            found = model.layers.get(name)
            layer = found if isinstance(found, LinearSpec) else PLAIN
            size = FAMILY.size(shape, layer).stored
            total += size
            p, s = arithmetic.split(shape.out_channels, layer.alpha)
            rank = min(p, s) if layer.rank is None else layer.rank
            numbers += [
                math.log(size / shape.params),
                math.log(p / shape.out_channels),
                math.log(rank / min(p, s)) if s else 0.0,
                math.log(1 - (layer.sparsity or 0.0)),
            ]
        on, kept = weight > 0, thinning(self._space, shapes)
        width = math.log(model.width) if model.width != 1 else float(np.mean(kept))
        ends = [math.log(total), width, float(on), math.log10(weight) + 3 if on else 0.0]
        return np.array([*numbers, *ends, *(kept if self.about.get("channels") else [])])


class Formula:
    """A stand-in: each layer loses by how little it keeps, the small ones most; early epochs are noisy."""

    about: Mapping[str, Any] = MappingProxyType(
        {"epochs": 9, "validation_images": 5_000, "image_size": 16, "channels": True}
    )

    def __init__(self) -> None:
        self._space = base_space(self.about)
        sizes = np.array([1.2, 0.8, 0.6, 0.5, 0.4, 0.35, 0.3, 0.3, 0.3])
        self.noise = np.random.default_rng(1).standard_normal((200, 9)) * sizes

    def curve(self, model: ModelSpec, weight: float) -> Array:
        """Noise-free accuracy after each epoch: (epochs,)."""
        shapes = shapes_of(self._space, model)
        thinned = -float(np.mean(thinning(self._space, shapes)))
        lost = 0.3 * (weight > 0.02) + 1.6 * max(0.0, thinned) ** 1.3
        for name, harm in zip(shapes, (0.0, 0.5, 0.6, 0.35), strict=True):
            layer = model.layers.get(name)
            if isinstance(layer, LinearSpec):
                p, s = arithmetic.split(shapes[name].out_channels, layer.alpha)
                rank = min(p, s) if layer.rank is None else layer.rank
                lost += harm * (
                    0.35 * max(0.0, -math.log(layer.alpha)) ** 1.5 + 0.3 * math.log(min(p, s) / rank)
                )
                lost += 0.2 * harm * (layer.sparsity or 0.0)
        epoch = np.arange(self.about["epochs"])
        return np.asarray(92.0 - lost - (8.0 + 0.8 * lost) * np.exp(-epoch / 1.5))


class _Trees:
    """Ridge on squares and products, then trees on what is left."""

    def __init__(self, rows: Array, target: Array) -> None:
        self._used = rows.std(0) > 1e-9
        self._scale = StandardScaler().fit(rows[:, self._used])
        self._squares = PolynomialFeatures(2, include_bias=False)
        self._after = StandardScaler().fit(self._expand(rows, fit=True))
        self._ridge = RidgeCV(np.logspace(-1, 4, 16)).fit(self._after.transform(self._expand(rows)), target)
        left = target - self._line(rows)
        forest = ExtraTreesRegressor(100, min_samples_leaf=3, random_state=0).fit(self._plain(rows), left)
        self._trees = [tree.tree_ for tree in forest.estimators_]

    def __call__(self, rows: Array) -> Array:
        plain = self._plain(rows).astype(np.float32)
        left = np.mean([tree.predict(plain)[:, :, 0] for tree in self._trees], axis=0)
        return np.asarray(self._line(rows) + left)

    def _plain(self, rows: Array) -> Array:
        return np.asarray(self._scale.transform(rows[:, self._used]))

    def _expand(self, rows: Array, fit: bool = False) -> Array:
        plain = self._plain(rows)
        return np.asarray(self._squares.fit_transform(plain) if fit else self._squares.transform(plain))

    def _line(self, rows: Array) -> Array:
        return np.asarray(self._ridge.predict(self._after.transform(self._expand(rows))))


class _Process:
    """A Gaussian process: Matérn 5/2, a length scale per feature, noise; all by marginal likelihood."""

    def __init__(self, rows: Array, target: Array) -> None:
        self._used = rows.std(0) > 1e-9
        self._scale = StandardScaler().fit(rows[:, self._used])
        dimensions = int(self._used.sum())
        own = Matern(np.full(dimensions, 5.0), (0.5, 100.0), nu=2.5)
        kernel = ConstantKernel(1.0, (0.1, 100.0)) * own + WhiteKernel(0.1, (0.01, 1.0))
        self._process = GaussianProcessRegressor(kernel, optimizer=_climb, normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its end: no influence
            self._process.fit(self._scale.transform(rows[:, self._used]), target)

    def __call__(self, rows: Array) -> Array:
        return np.asarray(self._process.predict(self._scale.transform(rows[:, self._used])))


def _climb(objective: Any, start: Array, bounds: Array) -> tuple[Array, float]:
    """Some steps towards the maximum: the last ones cost seconds and change little."""
    found = minimize(objective, start, method="L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": 12})
    return found.x, found.fun


FITS: dict[str, Callable[[Array, Array], Callable[[Array], Array]]] = {"trees": _Trees, "gp": _Process}


def _worse(accuracy: Array) -> Array:
    """Errors on a logarithmic scale: near the top, half the errors is as far as near the bottom."""
    return np.log(np.maximum(100.0 - accuracy, 0.5))


def _better(worse: Array) -> Array:
    return np.asarray(np.clip(100.0 - np.exp(worse), 5.0, 99.5))


def _model(spec: Mapping[str, Any]) -> ModelSpec:
    layers = {name: read_layer(layer) for name, layer in spec["layers"].items()}
    own = {name: value for name, value in spec.items() if name in _OF_A_MODEL}
    return ModelSpec(**{**own, "layers": layers})


def _weight(spec: Mapping[str, Any]) -> float:
    return float(spec["regularizer"]["weight"])
