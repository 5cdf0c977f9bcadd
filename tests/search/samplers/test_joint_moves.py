"""Moves of layers that choose together: all share, or each for itself; sizes as the layout says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import optuna
import pytest
from block_net import Blocks
from spaces import SHARED, THIN, bind_blocks

from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.linear_offer import Chosen as Linear
from lcsearch.layers.shared_choice import Chosen
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.search import samplers
from lcsearch.search.samplers._layer_moves import LayerMoves
from lcsearch.search.samplers._layout import Genome, Layout
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import bind, parse_space
from lcsearch.search.space.groups import PLAIN, Pick
from lcsearch.search.space.joint import APART

pytestmark = pytest.mark.slow

SPACE = bind_blocks(SHARED)
LAYOUT = Layout(SPACE)
JOINT = LAYOUT.genes[-1]
SHARES = Pick("shared", Chosen("stage", (10 / 72,), (0.0,) * 6))
HALVES = Pick(APART, (Pick("linear", Linear(0.25, "full")),) * 6)


def built(model: ModelSpec) -> int:
    return count(surgery.convert(Blocks(), model.layers), (3, 8, 8)).params


def banks(model: ModelSpec) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, spec in model.layers.items():
        if isinstance(spec, SharedSpec):
            found.setdefault(spec.bank, set()).add(name)
    return {frozenset(own) for own in found.values()}


def test_children_are_of_the_size_that_was_thought_and_keep_banks_whole() -> None:
    moves = Moves(LAYOUT, np.random.default_rng(0))
    parents = [moves.fresh() for _ in range(4)] + [moves.shaped(moves.fresh().shared) for _ in range(8)]
    seen, kinds = set(), Counter[str]()
    for _ in range(40):
        child = moves.child(parents, (LAYOUT.params_low, LAYOUT.params_high))
        found = LAYOUT.proposal(child)
        assert found is not None
        model = SPACE.decode(found[0]).model
        assert LAYOUT.params(child) == SPACE.params(model) == built(model)
        seen |= banks(model)
        kinds.update({spec.family for spec in model.layers.values()})
    names = JOINT.group.members
    whole = {frozenset(names)} | {frozenset(names[place::2]) for place in (0, 1)}
    assert seen == whole and kinds["shared"] > 5 and kinds["linear"] > 5


def test_layers_become_of_another_kind_and_keep_their_size() -> None:
    moves, kept = LayerMoves(np.random.default_rng(0)), ()
    apart = moves.as_family(JOINT, SHARES, "linear", kept)
    assert {pick.family for pick in apart.own} == {"linear"}
    assert JOINT.params(apart, kept) == pytest.approx(JOINT.params(SHARES, kept), rel=0.1)
    together = moves.as_family(JOINT, HALVES, "shared", kept)
    assert together.family == "shared"
    assert JOINT.params(together, kept) == pytest.approx(JOINT.params(HALVES, kept), rel=0.1)
    assert moves.as_family(JOINT, SHARES, "shared", kept) == SHARES
    assert moves.as_family(JOINT, HALVES, "linear", kept) == HALVES
    plain = Pick(APART, (PLAIN,) * 6)
    assert moves.as_family(JOINT, plain, "shared", kept) == plain, "what is plain stays plain"


def test_a_nudge_moves_one_layer_or_all_to_another_kind() -> None:
    moves = LayerMoves(np.random.default_rng(0))
    found = [moves.nudged(JOINT, HALVES, ()) for _ in range(400)]
    together = [pick for pick in found if pick.family == "shared"]
    assert len(together) / 400 == pytest.approx(0.125, abs=0.05)
    moved = [sum(own != HALVES.own[0] for own in pick.own) for pick in found if pick.family == APART]
    assert set(moved) == {0, 1}
    kinds = Counter(moves.nudged(JOINT, SHARES, ()).family for _ in range(400))
    assert kinds[APART] / 400 == pytest.approx(0.125, abs=0.05)


class Given:
    """A generator that draws the first kind and 0, and normal numbers that are given."""

    def random(self) -> float:
        return 0.0

    def integers(self, high: int) -> int:
        return 0

    def standard_normal(self, count: int) -> np.ndarray:
        return np.array([1.0, 0.0, -1.0, 2.0, 1.5, 3.0])[:count]


def test_layers_that_choose_for_themselves_keep_about_a_share_each() -> None:
    """Half, times e to 0.3 of a normal number, in eighths; above 0.8 a layer is plain."""
    moves = LayerMoves(Given())  # type: ignore[arg-type]
    found = moves.keeping(JOINT.group, 0.5)
    assert found.family == APART
    wanted = [0.5 * np.exp(0.3), 0.5, 0.5 * np.exp(-0.3)]
    assert [own.own[0] for own in found.own[:3]] == [round(8 * share) / 8 for share in wanted]
    assert [own == PLAIN for own in found.own] == [False, False, False, True, False, True]


def test_layers_that_cannot_be_of_a_family_keep_as_much_in_another() -> None:
    other = SHARED | {"kind": ["separable", "shared"], "terms": {"low": 1, "high": 9}}
    space = parse_space({"version": 1, "backbone": "*", "layers": {"blocks.[01].*": SHARED, "*": other}}, "f")
    joint = Layout(bind(space, Blocks(), ModelSpec("blocks", 10, 3))).genes[-1]
    found = LayerMoves(np.random.default_rng(0)).as_family(joint, SHARES, "linear", ())
    assert [own.family for own in found.own] == ["linear"] * 2 + ["separable"] * 4
    assert joint.params(found, ()) == pytest.approx(joint.params(SHARES, ()), rel=0.3)


def test_two_in_which_each_chooses_are_mixed_layer_by_layer() -> None:
    moves, plain = LayerMoves(np.random.default_rng(0)), Pick(APART, (PLAIN,) * 6)
    mixed = [moves.mixed(HALVES, plain) for _ in range(20)]
    assert {own.family for pick in mixed for own in pick.own} == {"linear", "conv"}
    assert all(len({own.family for own in pick.own}) > 1 for pick in mixed[:3])
    assert moves.mixed(SHARES, plain) == SHARES and moves.mixed(plain, SHARES) == plain


def test_channels_against_layers_leave_none_plain() -> None:
    moves = LayerMoves(np.random.default_rng(0))
    some = Pick(APART, (PLAIN, *HALVES.own[1:]))
    full = moves.none_plain(JOINT.group, some)
    assert full.own[0].family == "linear" and full.own[1:] == some.own[1:]
    assert moves.none_plain(JOINT.group, SHARES) == SHARES


def test_a_layer_that_may_only_be_plain_stays_so() -> None:
    layout = Layout(bind_blocks(SHARED | {"kind": ["conv", "shared"]}))
    moves = Moves(layout, np.random.default_rng(0))
    genome = Genome((Pick(APART, (PLAIN,) * 6),), (), moves.fresh().shared)
    kinds = Counter(moves.nudged(genome).picks[0].family for _ in range(100))
    assert set(kinds) == {APART, "shared"}


@pytest.mark.parametrize("sampler", ["random", "recombine", "tpe", "nsga2", "qmc", "gp"])
def test_samplers_propose_both(sampler: str) -> None:
    space = bind_blocks(SHARED | {"channels": THIN} if sampler == "recombine" else SHARED)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"])
    found = set[str]()
    for number in range(6 if sampler == "gp" else 12):
        study.sampler = samplers.make(sampler, seed=number, space=space)
        trial = study.ask()
        model = space.suggest(trial).model
        found |= {spec.family for spec in model.layers.values()}
        params = space.params(model)
        study.tell(trial, [80 + np.log(params), params])
    assert found == {"linear", "shared"}
