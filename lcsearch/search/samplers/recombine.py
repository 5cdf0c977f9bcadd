"""Mix and move the layers of good models, and train the child that promises the most hypervolume.

Children of the front are made per proposal: layers mixed from two parents, layers nudged,
one layer moved while the others pay for it, whole models resized, and shapes that are known to be good.
Their sizes are exact (closed form), their accuracies guessed by a Gaussian process over what each layer
keeps, fitted to every trial so far; stopped trials count with their predicted accuracy and a larger
noise. The most promising children are nudged, then the most promising of all, and again. The child with
the largest expected hypervolume improvement is proposed. What was proposed before, and what is over a
limit, is not proposed again.

Sources: layer-wise recombination after NSGA-II (Deb et al. 2002) and regularized evolution
(arXiv 1802.01548); pre-screening by expected hypervolume improvement (Emmerich et al. 2006), here with
one objective known exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from lcsearch.core.improvement import expected_improvement
from lcsearch.core.pareto import Box, ranks
from lcsearch.search.samplers import Promise, Screen
from lcsearch.search.samplers._fit import MOST, fit, inputs
from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.samplers._hints import Hints
from lcsearch.search.samplers._layout import Genome, Layout, layout_of
from lcsearch.search.samplers._limits import Limits
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.samplers._past import LATEST, Past, Seen, recall
from lcsearch.search.samplers._sizes import Sizes
from lcsearch.search.samplers._surrogate import Inputs
from lcsearch.search.space import BoundSpace

CHILDREN, _TO_SCREEN = 48, 128
"""Children of good models: per proposal, and where candidates are to be screened.

More per proposal find nothing better (docs/search.md), because the best are nudged. Candidates are not.
"""

_SHAPED = 0.12
_FRESH = 0.08
STARTUP, _FIRST = 4, 32
"""Trials until which models are drawn in a known good shape, and how many are drawn to find a new one."""
_BELOW_BEST = 5.5
_RETRIES = 5
_REFINED, _NUDGES, _ROUNDS = 8, 4, 3
"""So many of the most promising children are nudged, so often each, in so many rounds."""
_SCREENED = 4
"""Trials whose accuracy before any training must be known before children are screened."""


class Child(NamedTuple):
    """A genome, and what `Layout` says of it."""

    genome: Genome
    key: int
    params: int
    features: np.ndarray


class RecombineSampler(BaseSampler):
    """See the module's docstring. Further objectives are weighed in by random scalarization.

    Args:
        seed: Seeds everything random in it.
        space: What is searched.
    """

    def __init__(self, seed: int, space: BoundSpace) -> None:
        self._layout: Layout = layout_of(space)
        self._rng = np.random.default_rng(seed)
        self._independent = RandomSampler(seed=seed)
        self._child: dict[str, Any] = {}
        self.screen: Screen | None = None

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
        past = recall(study, self._layout, trial.number)
        limits = self._limits(past)
        moves = Moves(self._layout, self._rng)
        if not self._layout.groups and not self._layout.choices:
            return [moves.fresh()]
        if past.trials < STARTUP:
            first = [moves.shaped(moves.fresh().shared) for _ in range(_FIRST)]
            return [child.genome for child in self._new(first, past.known, limits)] or [moves.fresh()]
        return self._promising(past, limits, moves) or [moves.fresh()]

    def candidates(self, study: Study) -> list[dict[str, Any]]:
        """As `lcsearch.search.samplers.ScreeningSampler` has it.

        They are not nudged: candidates that are much alike are worth no looks.
        """
        past = recall(study, self._layout)
        known = [seen for seen in past.most_telling(MOST) if seen.screened is not None]
        if self.screen is None or past.trials < STARTUP or len(known) < _SCREENED:
            return []
        moves = Moves(self._layout, self._rng)
        children, scores, _ = self._weighed(past, self._limits(past), moves, _TO_SCREEN)
        best = _sorted(children, scores)[: self.screen.count]
        found = (self._layout.proposal(child.genome) for child in best)
        return [answers for answers, _ in filter(None, found)]

    def promise(self, study: Study, candidates: Sequence[Mapping[str, Any]]) -> Promise:
        """As `lcsearch.search.samplers.ScreeningSampler` has it."""
        past = recall(study, self._layout)
        pool = past.most_telling(MOST)
        sizes, hints = self._sizes(pool), Hints(pool, looked=True)
        goal = _Goal(self._fit(pool, hints), sizes, past.running, self._cost, hints)
        children = [self._child_of(self._layout.drawn(own, lambda *_: 0.5)) for own in candidates]
        return lambda known: goal.score(children, known)

    def _promising(self, past: Past, limits: Limits, moves: Moves) -> list[Genome]:
        children, scores, goal = self._weighed(past, limits, moves, CHILDREN)
        taken = past.known | {child.key for child in children}
        for _ in range(_ROUNDS):
            best = [child.genome for child in _sorted(children, scores)[:_REFINED]]
            nudged = [moves.nudged(genome) for genome in best for _ in range(_NUDGES)]
            if refined := self._new(nudged, taken, limits):
                taken |= {child.key for child in refined}
                children, scores = children + refined, np.append(scores, goal.score(refined))
        return [child.genome for child in _sorted(children, scores)[:_RETRIES]]

    def _weighed(
        self, past: Past, limits: Limits, moves: Moves, count: int
    ) -> tuple[list[Child], np.ndarray, _Goal]:
        """New children of good models, and what each promises by what is known without a look at it."""
        pool = past.most_telling(MOST)
        hints = None if past.cut_from is None else Hints(pool, past.cut_from)
        surrogate, sizes = self._fit(pool, hints), self._sizes(pool)
        parents = _parents(pool, surrogate.fitted, sizes)
        children = self._new(self._children(moves, parents, limits, count), past.known, limits)
        goal = _Goal(surrogate, sizes, past.running, self._cost, hints)
        return children, goal.score(children) if children else np.empty(0), goal

    def _fit(self, pool: list[Seen], hints: Hints | None) -> Guesses:
        if hints is None:
            return fit(pool, self._layout)
        return fit(pool, self._layout, hints.of(pool), hints.slopes)

    def _sizes(self, pool: list[Seen]) -> Sizes:
        return Sizes(pool, (self._layout.params_low, self._layout.params_high), self._rng)

    @staticmethod
    def _limits(past: Past) -> Limits:
        late = past.late[-LATEST:]
        return Limits([s.over for s in late], [s.params for s in late], [s.features for s in late])

    @property
    def _cost(self) -> Callable[[int], int] | None:
        """Epochs by parameters; where nothing is screened they do not count."""
        return None if self.screen is None else self.screen.epochs

    def _children(self, moves: Moves, parents: list[Genome], limits: Limits, count: int) -> list[Genome]:
        low = self._layout.params_low
        budget = (low, max(low * 1.01, min(self._layout.params_high, limits.max_params)))
        shaped, fresh = int(_SHAPED * count), int(_FRESH * count)
        made = [moves.fresh() for _ in range(fresh)]
        made += [moves.shaped(made[i % fresh].shared) for i in range(shaped)]
        return made + [moves.child(parents, budget) for _ in range(count - len(made))]

    def _new(self, genomes: list[Genome], known: set[int], limits: Limits) -> list[Child]:
        """Those that were not proposed yet and keep the limits, each model once, with size and features."""
        found, taken = list[Child](), set[int]()
        for genome in genomes:
            params = self._layout.params(genome)
            if params > limits.max_params:
                continue
            key = self._layout.key(genome)
            if key in taken or key in known:
                continue
            taken.add(key)
            features = self._layout.features(genome)
            if limits.keeps(params, features):
                found.append(Child(genome, key, params, features))
        return found

    def _child_of(self, genome: Genome) -> Child:
        layout = self._layout
        return Child(genome, layout.key(genome), layout.params(genome), layout.features(genome))


class _Goal:
    """What children are weighed by: expected improvement over the trained and the running trials.

    Args:
        surrogate: Guesses accuracies.
        sizes: What accuracy is weighed against.
        running: Trials without an end.
        cost: Epochs that a model of so many parameters is trained for, where they are to count.
        hints: What the surrogate is told beside the spec; None where it is told nothing.
    """

    def __init__(
        self,
        surrogate: Guesses,
        sizes: Sizes,
        running: list[Seen],
        cost: Callable[[int], int] | None = None,
        hints: Hints | None = None,
    ) -> None:
        self._surrogate, self._sizes, self.running = surrogate, sizes, running
        self._cost, self._hints = cost, hints
        self._accuracy, self._there = surrogate.fitted, sizes.trained
        if running:
            told = None if hints is None else hints.of(running)
            guessed = surrogate.guess(inputs(running, told))[0]
            own = sizes([s.params for s in running], [s.features for s in running])
            self._accuracy, self._there = np.append(self._accuracy, guessed), np.append(self._there, own)
        best = float(self._accuracy.max())
        self._box = Box(best - _BELOW_BEST, best + 1.0, sizes.low, sizes.high)

    def score(self, children: list[Child], known: Sequence[float | None] = ()) -> np.ndarray:
        """Expected improvement of each child, per epoch where epochs count.

        Args:
            children: The children.
            known: Their accuracies before any training, where the surrogate is told of such.
        """
        params, features = [child.params for child in children], [child.features for child in children]
        hints = None if self._hints is None else self._hints.of_new(params, known)
        mean, spread = self._surrogate.guess(Inputs(np.array(features), np.log(params), hints))
        size = self._sizes(params, features)
        gain = expected_improvement(mean, spread, size, self._accuracy, self._there, self._box)
        return gain if self._cost is None else gain / [self._cost(one) for one in params]


def _sorted(children: list[Child], scores: np.ndarray) -> list[Child]:
    """Children by falling score."""
    return [children[i] for i in np.argsort(-scores, kind="stable")]


def _parents(pool: list[Seen], accuracy: np.ndarray, sizes: Sizes) -> list[Genome]:
    """The front by guessed accuracy, where noise is smoothed out, twice, and the next rank once."""
    rank = ranks(list(zip(accuracy.tolist(), sizes.trained.tolist(), strict=True)))
    return [seen.genome for r, seen in zip(rank, pool, strict=True) for _ in range(2 - r)]


def make(seed: int, space: BoundSpace) -> BaseSampler:
    """Make the sampler."""
    return RecombineSampler(seed, space)


SAMPLER = make
