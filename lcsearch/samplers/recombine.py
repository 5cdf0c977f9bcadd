"""Mix and move the layers of good models, and train the child that promises the most hypervolume.

Hundreds of children of the front are made per proposal: layers mixed from two parents, layers nudged,
one layer moved while the others pay for it, whole models resized, and shapes that are known to be good.
Their sizes are exact (closed form), their accuracies guessed by a Gaussian process over what each layer
keeps, fitted to every trial so far; stopped trials count with their predicted accuracy and a larger
noise. The child with the largest expected hypervolume improvement is proposed. What was proposed
before, and what is over a limit, is not proposed again.

Sources: layer-wise recombination after NSGA-II (Deb et al. 2002) and regularized evolution
(arXiv 1802.01548); pre-screening by expected hypervolume improvement (Emmerich et al. 2006), here with
one objective known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lcsearch.errors import InputError
from lcsearch.pareto import Box, front, ranks
from lcsearch.samplers._improvement import expected_improvement
from lcsearch.samplers._layout import FEATURES, Genome, Layout, layout_of
from lcsearch.samplers._limits import Limits, violations
from lcsearch.samplers._moves import Moves
from lcsearch.samplers._surrogate import Inputs, Surrogate
from lcsearch.space import BoundSpace

CHILDREN = 128
"""Children that are weighed per proposal."""

_SHAPED = 0.12
_FRESH = 0.08
_STARTUP = 4
_TRAINED_NOISE, _PREDICTED_NOISE = 0.35, 1.0
_BELOW_BEST = 5.5
_FLOOR = 12.0
_MOST, _LATEST = 160, 1000
_RETRIES = 5
_REFINED, _NUDGES = 8, 6


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of an earlier trial; accuracy None while it runs or where it was never trained."""

    genome: Genome
    key: int
    params: int
    features: np.ndarray
    accuracy: float | None
    predicted: bool
    running: bool


class RecombineSampler(BaseSampler):
    """See the module's docstring. Looks at accuracy and params, whatever further objectives there are.

    Args:
        seed: Seeds everything random in it.
        space: What is searched.
    """

    def __init__(self, seed: int, space: BoundSpace) -> None:
        self._layout: Layout = layout_of(space)
        self._rng = np.random.default_rng(seed)
        self._independent = RandomSampler(seed=seed)
        self._child: dict[str, Any] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Choose the child here, because which parameters there are depends on it."""
        for genome in self._propose(study, trial):
            found = self._layout.proposal(genome)
            if found is not None:
                self._child, distributions = found
                return distributions
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The child that was chosen."""
        return self._child

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """At random; only a parameter that the space does not know comes here."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _propose(self, study: Study, trial: FrozenTrial) -> list[Genome]:
        """Children, the most promising first."""
        others = [t for t in study.get_trials(deepcopy=False) if t.params and t.number != trial.number]
        seen = [_recall(study, self._layout, t) for t in others]
        late = seen[-_LATEST:]
        limits = Limits(others[-_LATEST:], [s.params for s in late], [s.features for s in late])
        moves = Moves(self._layout, self._rng)
        if not self._layout.groups:
            return [moves.fresh()]
        trained = [s for s in seen if s.accuracy is not None]
        known = {s.key for s in seen}
        if len(trained) < _STARTUP:
            first = [moves.shaped(moves.fresh().shared) for _ in range(CHILDREN // 4)]
            return [genome for genome, _, _ in self._new(first, known, limits)] or [moves.fresh()]
        pool = _most_telling(trained)
        surrogate = self._fit(pool)
        mean, _ = surrogate.guess(_inputs(pool))
        parents, pending = _parents(pool, mean), [s for s in seen if s.running]
        children = self._new(self._children(moves, parents, limits), known, limits)
        if not children:
            return [moves.fresh()]
        scores = self._score(surrogate, children, pool, mean, pending)
        best = [children[i][0] for i in np.argsort(-scores, kind="stable")[:_REFINED]]
        nudged = [moves.nudged(genome) for genome in best for _ in range(_NUDGES)]
        children += self._new(nudged, known | {self._layout.key(child[0]) for child in children}, limits)
        scores = self._score(surrogate, children, pool, mean, pending)
        return [children[i][0] for i in np.argsort(-scores, kind="stable")[:_RETRIES]]

    def _children(self, moves: Moves, parents: list[Genome], limits: Limits) -> list[Genome]:
        low = self._layout.params_low
        budget = (low, max(low * 1.01, min(self._layout.params_high, limits.max_params)))
        shaped, fresh = int(_SHAPED * CHILDREN), int(_FRESH * CHILDREN)
        made = [moves.fresh() for _ in range(fresh)]
        made += [moves.shaped(made[i % fresh].shared) for i in range(shaped)]
        return made + [moves.child(parents, budget) for _ in range(CHILDREN - len(made))]

    def _new(
        self, genomes: list[Genome], known: set[int], limits: Limits
    ) -> list[tuple[Genome, int, np.ndarray]]:
        """Those that were not proposed yet and keep the limits, each model once, with size and features."""
        found, taken = [], set(known)
        for genome in genomes:
            params = self._layout.params(genome)
            if params > limits.max_params or (key := self._layout.key(genome)) in taken:
                continue
            taken.add(key)
            features = self._layout.features(genome)
            if limits.keeps(params, features):
                found.append((genome, params, features))
        return found

    def _fit(self, pool: list[_Seen]) -> Surrogate:
        accuracy = np.array([s.accuracy for s in pool], dtype=float)
        accuracy = np.maximum(accuracy, accuracy.max() - _FLOOR)
        predicted = np.array([s.predicted for s in pool])
        noise = np.where(predicted, _PREDICTED_NOISE, _TRAINED_NOISE)
        blocks = self._layout.convolutions
        return Surrogate(_inputs(pool), accuracy, noise, predicted, block=FEATURES, blocks=blocks)

    def _score(
        self,
        surrogate: Surrogate,
        children: list[tuple[Genome, int, np.ndarray]],
        pool: list[_Seen],
        mean: np.ndarray,
        pending: list[_Seen],
    ) -> np.ndarray:
        sizes = np.array([s.params for s in pool], dtype=float)
        there = mean
        if pending:
            there = np.append(there, surrogate.guess(_inputs(pending))[0])
            sizes = np.append(sizes, [s.params for s in pending])
        params = np.array([size for _, size, _ in children], dtype=float)
        inputs = Inputs(np.array([features for _, _, features in children]), np.log(params))
        guess, spread = surrogate.guess(inputs)
        best = float(there.max())
        box = Box(best - _BELOW_BEST, best + 1.0, self._layout.params_low, self._layout.params_high)
        return expected_improvement(guess, spread, params, there, sizes, box)


def _inputs(seen: list[_Seen]) -> Inputs:
    return Inputs(np.array([s.features for s in seen]), np.log([s.params for s in seen]))


def _most_telling(trained: list[_Seen]) -> list[_Seen]:
    """At most a fixed number of trials, so that a proposal's time does not grow: the best ranks first.

    A third of the places goes to the latest of the rest, which keep the guesses sober elsewhere.
    """
    if len(trained) <= _MOST:
        return trained
    if len(trained) > 2 * _LATEST:
        early = trained[:-_LATEST]
        trained = [early[i] for i in front([_point(s) for s in early])] + trained[-_LATEST:]
    rank = ranks([_point(s) for s in trained])
    best = sorted(range(len(trained)), key=lambda i: (rank[i], -i))[: 2 * _MOST // 3]
    chosen = set(best)
    rest = [i for i in range(len(trained) - 1, -1, -1) if i not in chosen][: _MOST - len(best)]
    return [trained[i] for i in sorted(best + rest)]


def _point(seen: _Seen) -> tuple[float, float]:
    return seen.accuracy or 0.0, float(seen.params)


def _parents(pool: list[_Seen], mean: np.ndarray) -> list[Genome]:
    """The front by guessed accuracy, where noise is smoothed out, twice, and the next rank once."""
    rank = ranks([(float(m), float(s.params)) for m, s in zip(mean, pool, strict=True)])
    return [s.genome for r, s in zip(rank, pool, strict=True) for _ in range(2 - r)]


_memory: dict[str, dict[int, _Seen]] = {}


def _recall(study: Study, layout: Layout, trial: FrozenTrial) -> _Seen:
    """A trial as this sampler sees it; the work for finished trials is done once per study."""
    if study.study_name not in _memory:
        if len(_memory) > 4:
            _memory.clear()
        _memory[study.study_name] = {}
    known = _memory[study.study_name]
    if trial.number not in known:
        seen = _see(layout, trial)
        if not trial.state.is_finished():
            return seen
        known[trial.number] = seen
    return known[trial.number]


def _see(layout: Layout, trial: FrozenTrial) -> _Seen:
    genome = layout.drawn(trial.params, lambda *_: 0.5)
    trained = trial.state == TrialState.COMPLETE and max(violations(trial).values(), default=0.0) <= 0
    return _Seen(
        genome,
        layout.key(genome),
        layout.params(genome),
        layout.features(genome),
        float(trial.values[0]) if trained else None,
        bool(trial.user_attrs.get("predicted")),
        trial.state == TrialState.RUNNING,
    )


def make(seed: int, space: BoundSpace | None) -> BaseSampler:
    """Make the sampler.

    Raises:
        InputError: There is no space whose layers it could know.
    """
    if space is None:
        raise InputError("--sampler: recombine needs a search space; choose tpe, nsga2, gp, random or qmc")
    return RecombineSampler(seed, space)
