from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
import torch
import yaml
from optuna.trial import TrialState

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.core.pareto import Box, hypervolume
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.surgery import build_model
from lcsearch.runs.settings import DEFAULT_SAMPLER
from lcsearch.search import samplers
from lcsearch.search.samplers._layout import Genome, layout_of
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import BoundSpace, bind, parse_space

NAMES = plugins.names(plugins.SAMPLER)

SPACE = """
version: 1
backbone: base
layers:
  "features.0": {kind: [conv]}
  "*":
    kind: [conv, linear]
    alpha: {low: 0.015625, high: 1.0, log: true}
    coefficients: [full, low_rank, sparse]
    rank_ratio: {low: 0.05, high: 0.5, log: true}
    sparsity: {low: 0.25, high: 0.9}
regularizer: {weight: {low: 1.0e-5, high: 1.0e-1, log: true}, "off": true}
"""


def bound(text: str = SPACE) -> BoundSpace:
    template = ModelSpec("base", 10, 1)
    with torch.device("meta"):
        model = build_model(template)
    return bind(parse_space(yaml.safe_load(text), "space.yaml"), model, template)


@pytest.fixture(scope="module")
def space() -> BoundSpace:
    return bound()


def toy_accuracy(space, model):
    """Each layer loses by how few primaries it keeps, the early ones most."""
    shapes = space.shapes(space.thinning.full)
    weights = dict(zip(shapes, (0.0, 1.0, 0.6, 0.2), strict=True))
    return 92.0 - sum(weights[name] * math.log(layer.alpha) ** 2 / 4 for name, layer in model.layers.items())


def search(space, name, trials, seed=0, max_params=None):
    """A study run as the product runs it: a fresh sampler per trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"])
    models = []
    for number in range(trials):
        study.sampler = samplers.make(name, seed=1000 * seed + number, space=space)
        trial = study.ask()
        model = space.suggest(trial).model
        models.append(model)
        if max_params is not None:
            trial.set_constraint("max_params", space.params(model) / max_params - 1)
        study.tell(trial, [toy_accuracy(space, model), space.params(model)])
    return study, models


def volume(space, models):
    box = Box(87.0, 93.0, space.params(space.smallest()), space.params(space.largest()))
    return hypervolume([(toy_accuracy(space, m), float(space.params(m))) for m in models], box)


def test_the_default_is_one_of_them():
    assert DEFAULT_SAMPLER in NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_same_seeds_same_trials(space, name):
    first, again = (search(space, name, 13)[0].trials for _ in range(2))
    assert [t.params for t in first] == [t.params for t in again]
    assert first[-1].params != search(space, name, 13, seed=1)[0].trials[-1].params
    assert all(t.state == TrialState.COMPLETE for t in first)


@pytest.mark.parametrize("name", ["tpe", "recombine", "nsga2"])
def test_a_study_rebuilt_from_its_trials_goes_on_the_same(space, name):
    study, _ = search(space, name, 12)
    rebuilt = optuna.create_study(directions=study.directions)
    rebuilt.add_trials(study.trials)
    proposals = []
    for one in (study, rebuilt):
        one.sampler = samplers.make(name, seed=77, space=space)
        trial = one.ask()
        space.suggest(trial)
        proposals.append(trial.params)
    assert proposals[0] == proposals[1]


def test_unknown_sampler(space):
    with pytest.raises(InputError, match="sampler: there is no sampler 'tpee'; did you mean 'tpe'"):
        samplers.make("tpee", seed=0, space=space)


def test_seeds_of_any_size(space):
    for seed in (0, 2**31, 2**63):
        search(space, "tpe", 1, seed=seed)
        samplers.make("recombine", seed=seed, space=space)


@pytest.mark.slow
def test_recombine_finds_more_than_random(space):
    ours = np.mean([volume(space, search(space, "recombine", 40, seed)[1]) for seed in range(3)])
    random = np.mean([volume(space, search(space, "random", 40, seed)[1]) for seed in range(3)])
    assert ours > random + 0.03


def test_recombine_proposes_no_model_twice(space):
    _, models = search(space, "recombine", 60)
    assert len({str(m) for m in models}) == 60


def test_recombine_keeps_a_limit_once_it_has_seen_it(space):
    limit = 60_000
    _, models = search(space, "recombine", 30, max_params=limit)
    assert all(space.params(model) <= limit for model in models[1:])


def test_recombine_takes_part_in_searched_channels_and_recipes():
    text = SPACE.replace("kind: [conv, linear]", "kind: [conv, linear]\n    channels: {low: 0.25, high: 1.0}")
    space = bound(text + "train: {lr: {low: 0.01, high: 0.2, log: true}}\n")
    study, models = search(space, "recombine", 12)
    assert len({m.channels.get("features.12", 1.0) for m in models}) > 3
    assert len({t.params["train/lr"] for t in study.trials}) > 3


@pytest.mark.parametrize("granularity", ["stage", "network"])
def test_recombine_where_layers_share_choices(granularity):
    space = bound(f"{SPACE}granularity: {granularity}\n")
    _, models = search(space, "recombine", 12)
    assert len({str(m) for m in models}) == 12


def test_recombine_where_no_layer_is_searched():
    space = bound(
        'version: 1\nbackbone: base\nlayers: {"*": {kind: [conv]}}\ntrain: {lr: {low: 0.01, high: 0.2}}\n'
    )
    study, _ = search(space, "recombine", 8)
    assert len({t.params["train/lr"] for t in study.trials}) == 8


def test_qmc_covers_conditional_parameters_evenly(space):
    study, _ = search(space, "qmc", 128)
    for name in ("features.4/kind", "features.8/kind", "regularizer"):
        values = [t.params[name] for t in study.trials]
        counts = [values.count(v) for v in set(values)]
        assert max(counts) - min(counts) <= 4
    alphas = [math.log(t.params["features.8/alpha"]) for t in study.trials if "features.8/alpha" in t.params]
    assert np.histogram(alphas, bins=4)[0].min() >= len(alphas) / 4 - 4


def test_sizes_of_genomes_are_those_of_the_models(space):
    layout, rng = layout_of(space), np.random.default_rng(0)
    moves = Moves(layout, rng)
    parents = [moves.fresh() for _ in range(6)]
    children = [moves.child(parents, (3e4, 2e5)) for _ in range(40)] + [moves.shaped(parents[0].shared)]
    for genome in children:
        found = layout.proposal(genome)
        assert found is not None
        model = space.decode(found[0]).model
        with torch.device("meta"):
            net = build_model(model)
        masked = sum(int(b.numel()) for n, b in net.named_buffers() if n.endswith("mask"))
        exact = space.params(model)
        assert layout.params(genome) == exact
        if not masked:
            assert exact == sum(p.numel() for p in net.parameters())
        again = layout.drawn(found[0], lambda *_: 0.5)
        assert layout.key(again) == layout.key(genome)


def test_trades_keep_the_size(space):
    layout, rng = layout_of(space), np.random.default_rng(1)
    moves = Moves(layout, rng)
    ratios = []
    for _ in range(60):
        parent = moves.shaped(moves.fresh().shared)
        ratios.append(layout.params(moves.traded(parent)) / layout.params(parent))
    assert np.median(np.abs(np.log(ratios))) < 0.05


def test_mixed_children_have_their_parents_layers(space):
    layout = layout_of(space)
    moves = Moves(layout, np.random.default_rng(2))
    first, second = moves.fresh(), moves.fresh()
    for _ in range(20):
        child = moves.mixed(first, second)
        assert all(p in (a, b) for p, a, b in zip(child.picks, first.picks, second.picks, strict=True))
        assert isinstance(child, Genome)
