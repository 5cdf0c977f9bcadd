"""Samplers where channels are searched: what is proposed, its size, and whether it is any good."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
import torch
from simulated_objectives import cut_mildly
from spaces import SPACES, THIN, bind_backbone

from lcsearch.core.pareto import Box, hypervolume
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.nets.surgery import build_model
from lcsearch.search import samplers
from lcsearch.search.samplers._layout import Genome, Layout, layout_of
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import Pick
from lcsearch.testing import check_sampler

RULE = {
    "kind": ["conv", "linear"],
    "alpha": {"low": 1 / 64, "high": 1.0, "log": True},
    "coefficients": ["full", "low_rank"],
    "rank_ratio": {"low": 0.05, "high": 0.5, "log": True},
    "channels": THIN,
}


@pytest.fixture(scope="module")
def space() -> BoundSpace:
    return bind_backbone("base", 1, layers={"*": RULE}, shrink={"low": 1 / 16, "high": 1.0, "log": True})


def children(layout: Layout, many: int) -> list[Genome]:
    """Of every kind of move."""
    moves = Moves(layout, np.random.default_rng(0))
    parents = [moves.fresh() for _ in range(4)]
    parents += [moves.shaped(parent.shared) for parent in parents]
    made = [moves.child(parents, (layout.params_low, layout.params_high)) for _ in range(many)]
    return parents + made + [moves.exchanged(parent) for parent in parents]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["channels", "thin vgg11", "thin mobilenetv2 by stage", "thin resnet18 as one"]
)
def test_every_proposal_means_its_genome(name: str) -> None:
    """What is asked for gives the model that was weighed, and the space finds its way back from that."""
    bound = SPACES[name]()
    layout, impossible = layout_of(bound), 0
    for genome in children(layout, 25):
        found = layout.proposal(genome)
        if found is None:
            impossible += 1
            continue
        spec = bound.decode(found[0])
        assert bound.params(spec.model) == layout.params(genome) == layout.size(genome)
        assert bound.thinning.counts(spec.model.channels) == genome.kept
        again = layout.drawn(found[0], lambda *_: 0.5)
        assert layout.key(again) == layout.key(genome)
        assert again.kept == genome.kept
        back = bound.encode(spec)
        assert back is not None and bound.decode(back[0]) == spec
    assert impossible <= 2, "a choice of many layers need not have an answer for every alpha"


def test_sizes_are_those_of_the_nets_that_are_built(space: BoundSpace) -> None:
    layout = layout_of(space)
    for genome in children(layout, 12):
        found = layout.proposal(genome)
        assert found is not None
        with torch.device("meta"):
            net = build_model(space.decode(found[0]).model)
        assert layout.params(genome) == sum(parameter.numel() for parameter in net.parameters())


def test_one_key_for_one_model(space: BoundSpace) -> None:
    layout = layout_of(space)
    keys, models = set[int](), set[str]()
    for genome in children(layout, 60):
        found = layout.proposal(genome)
        assert found is not None
        keys.add(layout.key(genome))
        spec = space.decode(found[0])
        models.add(str((spec.model, spec.regularizer)))
    assert len(keys) == len(models) > 40


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gp", "recombine"])
def test_samplers_that_learn_of_layers_search_channels(space: BoundSpace, name: str) -> None:
    """Others are asked for channels by `tests/testing/test_samplers.py`."""
    check_sampler(samplers.find(name), space, trials=12)


def test_a_space_of_channels_alone() -> None:
    bound = bind_backbone("base", 1, layers={"*": {"kind": "conv", "channels": THIN}})
    models = [model for model, _ in search(bound, "recombine", 12, 0)]
    assert len({str(model.channels) for model in models}) == 12
    assert not any(model.layers for model in models)


def accuracy(space: BoundSpace, model: ModelSpec) -> float:
    thinning = space.thinning
    return cut_mildly(model, list(space.shapes(thinning.full)), [group.name for group in thinning.groups])


def search(space: BoundSpace, name: str, trials: int, seed: int) -> list[tuple[ModelSpec, float]]:
    """Models of a study of noisy accuracies, and how good they really are."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, noise = optuna.create_study(directions=["maximize", "minimize"]), np.random.default_rng(seed)
    found = []
    for number in range(trials):
        study.sampler = samplers.make(name, seed=1000 * seed + number, space=space)
        trial = study.ask()
        model = space.suggest(trial).model
        found.append((model, accuracy(space, model)))
        told = [found[-1][1] + 0.2 * noise.standard_normal(), space.params(model)]
        study.tell(trial, told)
    return found


def test_of_one_size_mild_cuts_of_both_kinds_are_best(space: BoundSpace) -> None:
    """What the next test is worth: thinner nets, alpha alone, or as much of both, at an eighth of all."""
    layout = layout_of(space)

    def nearest(ways: list[tuple[float, float]]) -> float:
        """Accuracy of the model of this size; each way is a share of channels and an alpha."""
        found = []
        for share, alpha in ways:
            picks = tuple(Pick("linear", Chosen(alpha, "full")) for _ in layout.groups)
            kept = space.thinning.joined([choice.at(share) for choice in layout.choices])
            genome = Genome(picks, kept, ())
            off = abs(np.log(8 * layout.params(genome) / layout.params_high))
            proposed = layout.proposal(genome)
            assert proposed is not None
            found.append((off, accuracy(space, space.decode(proposed[0]).model)))
        assert min(found)[0] < 0.2
        return min(found)[1]

    shares = np.geomspace(0.1, 1.0, 40).tolist()
    both = nearest([(share, share) for share in shares])
    assert both > nearest([(share, 1.0) for share in shares]) + 0.1
    assert both > nearest([(1.0, share) for share in shares]) + 0.1


@pytest.mark.slow
def test_recombine_finds_more_than_others_do_in_as_many_trials(space: BoundSpace) -> None:
    """The mean of four searches; what one finds scatters by about 0.02."""

    def volume(name: str) -> float:
        box = Box(85.5, 91.5, space.params(space.smallest()), space.params(space.largest()))
        found = []
        for seed in range(4):
            points = [(known, float(space.params(model))) for model, known in search(space, name, 24, seed)]
            found.append(hypervolume(points, box))
        return float(np.mean(found))

    ours = volume("recombine")
    assert ours > volume("random") + 0.05
    assert ours > volume("tpe") + 0.05
