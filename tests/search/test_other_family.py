"""Nothing in the search knows ``linear``: another family, whose layers share a tensor, is searched too."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np
import optuna
import pytest
import torch
from bank_family import BankSpec
from plugin_files import installed
from spaces import Random
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.core.yaml import parse_yaml
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.search import samplers
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.samplers._layout import layout_of
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import BoundSpace, bind, parse_space, to_yaml

pytestmark = pytest.mark.slow

KINDS = ["conv", "linear", "bank"]
RULE = {"kind": KINDS, "bank_size": {"low": 1, "high": 5}, "coefficients": ["full", "low_rank"]}


class Net(nn.Module):
    """Three convolutions that can share kernels, and one that cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.third = nn.Conv2d(8, 12, 3, stride=2)
        self.point = nn.Conv2d(12, 16, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.third(torch.relu(self.second(torch.relu(self.first(x)))))
        return self.head(self.point(torch.relu(x)).mean((2, 3)))


@pytest.fixture(scope="module", autouse=True)
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    entries = {"lcsearch.families": {"bank": "bank_family:FAMILY", "twin": "bank_family:TWIN"}}
    with installed(tmp_path_factory.mktemp("bank"), "bank", "1.0", entries, {}):
        yield


def bound(granularity: str = "network", **rule: object) -> BoundSpace:
    plain = {"version": 1, "backbone": "net", "granularity": granularity, "layers": {"*": RULE | rule}}
    return bind(parse_space(plain, "space"), Net(), ModelSpec("net", 10, 3))


def built(model: ModelSpec) -> nn.Module:
    return surgery.convert(Net(), model.layers)


def families(model: ModelSpec) -> set[str]:
    return {spec.family for spec in model.layers.values()}


def random_models(space: BoundSpace, many: int) -> list[ModelSpec]:
    return [space.suggest(Random(random.Random(seed))).model for seed in range(many)]


def test_layers_of_one_group_share_a_bank_and_others_do_not() -> None:
    space = bound()
    found = space.decode({"network/kind": "bank", "network/bank_size": 2}).model
    shared = BankSpec(2, "network")
    assert found.layers == {"first": shared, "second": shared, "third": shared}, "1x1 kernels have no bank"
    net = built(found)
    assert net.first.bank is net.second.bank is net.third.bank
    apart = bound("layer").decode(
        {f"{name}/kind": "bank" for name in ("first", "second", "third")}
        | {f"{name}/bank_size": 2 for name in ("first", "second", "third")}
        | {"point/kind": "conv"}
    )
    net = built(apart.model)
    assert net.first.bank is not net.second.bank


def test_a_shared_tensor_counts_once() -> None:
    space = bound()
    model = space.decode({"network/kind": "bank", "network/bank_size": 2}).model
    mixing = 2 * (8 * 3 + 8 * 8 + 12 * 8)
    assert space.params(model) == 2 * 9 + mixing + 8 + 12 + (12 * 16 + 16) + (16 * 10 + 10)


def test_what_saves_only_together_is_built_together() -> None:
    """For ``second`` alone a bank of 8 kernels stores more than the convolution: 8·64 + 8·9 > 9·64."""
    space = bound(bank_size=8)
    model = space.decode({"network/kind": "bank"}).model
    assert list(model.layers) == ["first", "second", "third"]
    assert space.params(model) == count(built(model), (3, 8, 8)).params < space.params(space.plain())
    alone = ModelSpec("net", 10, 3, layers={"second": BankSpec(8, "network")})
    assert space.canonical(alone) == space.plain()
    assert isinstance(built(alone).second, nn.Conv2d)


@pytest.mark.parametrize("granularity", ["layer", "network"])
def test_every_model_has_the_size_that_was_said_and_is_found_again(granularity: str) -> None:
    space = bound(granularity)
    seen = set()
    low, high = space.params(space.smallest()), space.params(space.largest())
    for model in random_models(space, 60):
        seen |= families(model)
        size = space.params(model)
        assert low <= size <= high
        assert size == count(built(model), (3, 8, 8)).params
        assert space.canonical(model) == model
        encoded = space.encode(TrialSpec(model))
        assert encoded is not None
        assert space.decode(encoded[0]).model == model
    assert seen == {"linear", "bank"}


def test_the_smallest_is_that_of_all_families() -> None:
    large = {"low": 0.5, "high": 1.0}
    assert families(bound(alpha=large).smallest()) == {"bank"}
    assert families(bound(alpha={"low": 0.1, "high": 1.0}, bank_size=5).smallest()) == {"linear"}


@pytest.mark.parametrize("sampler", ["recombine", "tpe", "nsga2", "qmc"])
def test_samplers_try_every_family(sampler: str) -> None:
    space = bound("layer")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"])
    found, models = set[str](), []
    for number in range(24):
        study.sampler = samplers.make(sampler, seed=number, space=space)
        trial = study.ask()
        model = space.suggest(trial).model
        found |= families(model)
        models.append(str(model))
        study.tell(trial, [80 + np.log(space.params(model)), space.params(model)])
    assert found == {"linear", "bank"}
    if sampler == "recombine":
        assert len(set(models)) == 24


def test_moves_alone_lead_to_every_family() -> None:
    moves = Moves(layout_of(bound("layer")), np.random.default_rng(0))
    shared = moves.fresh().shared
    assert {pick.family for _ in range(40) for pick in moves.shaped(shared).picks} == set(KINDS)
    genome = moves.shaped(shared)
    seen = []
    for _ in range(300):
        genome = moves.nudged(genome)
        seen.append(genome.picks[0].family)
    steps = set(itertools.pairwise(seen))
    assert {("linear", "bank"), ("bank", "linear"), ("linear", "conv"), ("conv", "bank")} <= steps


@pytest.mark.parametrize("granularity", ["layer", "network"])
def test_children_of_the_sampler_are_of_the_size_that_it_thinks(granularity: str) -> None:
    space = bound(granularity)
    layout = layout_of(space)
    moves = Moves(layout, np.random.default_rng(0))
    parents = [moves.fresh() for _ in range(6)]
    children = [moves.child(parents, (layout.params_low, layout.params_high)) for _ in range(80)]
    kinds = {pick.family for child in children for pick in child.picks}
    assert kinds == set(KINDS)
    for child in children:
        found = layout.proposal(child)
        assert found is not None
        model = space.decode(found[0]).model
        assert layout.params(child) == space.params(model) == count(built(model), (3, 8, 8)).params
        assert len(layout.features(child)) == 4 * (1 + 3 + 1)


def test_layers_of_two_families_with_the_same_numbers_are_two_models() -> None:
    layouts = [layout_of(bound(kind=[kind], bank_size=2)) for kind in ("bank", "twin")]
    first, second = (Moves(layout, np.random.default_rng(0)).fresh() for layout in layouts)
    assert layouts[0].params(first) == layouts[1].params(second)
    assert layouts[0].key(first) != layouts[1].key(second)


def test_two_families_with_one_parameter_do_not_go_together() -> None:
    with pytest.raises(InputError) as caught:
        bound(kind=["bank", "twin"])
    assert str(caught.value) == "space: two of bank, twin have a parameter 'first/bank_size'"


def test_both_are_picked_by_hand() -> None:
    space = bound()
    picked = hand_picked(space)
    assert picked[0].label == "plain backbone"
    banks = [one for one in picked if one.label.startswith("uniform bank ")]
    alphas = [one for one in picked if one.label.startswith("uniform alpha ")]
    assert banks and all(families(one.spec.model) == {"bank"} for one in banks)
    assert alphas and all(families(one.spec.model) == {"linear"} for one in alphas)
    deep = [one.spec.model for one in known_good(space) if families(one.spec.model) == {"bank"}]
    assert [list(model.layers) for model in deep] == [["second", "third"], ["first", "second", "third"]]


def test_a_space_holds_the_keys_of_every_family() -> None:
    plain = {"kind": ["conv", "linear"], "alpha": 0.5, "bank_size": {"low": 2, "high": 3}}
    space = parse_space({"version": 1, "backbone": "net", "layers": {"*": plain}}, "space")
    assert list(space.layers["*"].offered) == ["linear"]
    again = space.to_plain()
    assert parse_space(again, "again") == space
    again["layers"]["*"]["kind"] = ["bank"]
    only = bind(parse_space(again, "again"), Net(), ModelSpec("net", 10, 3))
    assert [(p.name, p.range.low, p.range.high) for p in only.parameters] == [
        (f"{name}/bank_size", 2, 3) for name in ("first", "second", "third")
    ], "a layer that cannot be of the family is not searched"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("bank_size", 0, "bank_size: 0 is not allowed; it must be a whole number of at least 1"),
        ("bnk_size", 1, "bnk_size: unknown key; did you mean 'bank_size' or 'bank_seed' or 'bank'?"),
        ("kind", ["bnak"], "kind[0]: there is no family 'bnak'; did you mean 'bank'?"),
    ],
)
def test_mistakes_in_keys_of_a_family_that_is_not_asked_for(key: str, value: object, message: str) -> None:
    layers = {"*": {"kind": ["linear"]} | {key: value}}
    with pytest.raises(InputError) as caught:
        parse_space({"version": 1, "backbone": "net", "layers": layers}, "space")
    assert str(caught.value) == f'space: layers."*".{message}'


def test_a_written_space_explains_and_holds_both() -> None:
    template = ModelSpec("net", 10, 3)
    default = bound("layer")
    text = to_yaml("net", default)
    assert "# bank_size     Kernels that layers share. Left out: {low: 1, high: 6}.\n" in text
    written = bind(parse_space(parse_yaml(text, "text"), "text"), Net(), template)
    assert written.parameters == default.parameters


def test_a_linear_layer_outside_its_group_s_choice_is_not_found() -> None:
    space = bound()
    mixed = {"first": BankSpec(2, "network"), "second": LinearSpec(0.5)}
    assert space.encode(TrialSpec(ModelSpec("net", 10, 3, layers=mixed))) is None
