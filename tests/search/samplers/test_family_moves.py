"""Moves from one family to another: of 1,024 filters of 3x3 a share is kept, or they come from a bank."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from plugin_files import installed
from torch import nn

from lcsearch.core.spec import ModelSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.search.samplers._layout import Genome, Layout
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import bind, parse_space
from lcsearch.search.space.groups import Pick

RULE = {"kind": ["linear", "bank"], "alpha": {"low": 0.001, "high": 1.0}, "bank_size": {"low": 1, "high": 9}}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    entries = {"lcsearch.families": {"bank": "bank_family:FAMILY"}}
    with installed(tmp_path_factory.mktemp("bank"), "bank", "1.0", entries, {}):
        with torch.device("meta"):
            net = nn.ModuleList([nn.Conv2d(256, 1024, 3, bias=False)])
        plain = {"version": 1, "backbone": "*", "layers": {"*": RULE}}
        yield Layout(bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 4)))


def nudged(layout: Layout, pick: Pick, many: int = 1000) -> list[Pick]:
    moves = Moves(layout, np.random.default_rng(0))
    return [moves.nudged(Genome((pick,), (), ())).picks[0] for _ in range(many)]


def test_a_layer_changes_its_family_and_keeps_its_size(layout: Layout) -> None:
    """A quarter of the moves is to a kind drawn at random: half of these to the other family.

    p primary filters have 2,304 p + (1,024 - p) p numbers, a bank of b kernels 9 b + 262,144 b. 455 filters
    have 1,307,215, a bank of 5 has 1,310,765; one of 3 has 786,459, which 256 filters have but for 27.
    """
    found = [
        pick for pick in nudged(layout, Pick("linear", Chosen(455 / 1024, "full"))) if pick.family == "bank"
    ]
    assert set(found) == {Pick("bank", (5,))}
    assert len(found) / 1000 == pytest.approx(0.125, abs=0.03)
    found = [pick for pick in nudged(layout, Pick("bank", (3,))) if pick.family == "linear"]
    assert {round(pick.own[0] * 1024) for pick in found} <= set(range(252, 260))
    assert len(found) / 1000 == pytest.approx(0.125, abs=0.03)


def test_a_model_becomes_one_family_and_keeps_its_size(layout: Layout) -> None:
    moves = Moves(layout, np.random.default_rng(0))
    genome = Genome((Pick("linear", Chosen(455 / 1024, "full")),), (), ())
    found = {moves.of_one_family(genome).picks for _ in range(20)}
    assert found == {genome.picks, (Pick("bank", (5,)),)}


def test_a_quarter_of_the_trades_makes_a_model_one_family(layout: Layout) -> None:
    asked = list[Genome]()

    class Told(Moves):
        def of_one_family(self, genome: Genome) -> Genome:
            asked.append(genome)
            return super().of_one_family(genome)

    start, moves = Genome((Pick("bank", (3,)),), (), ()), Told(layout, np.random.default_rng(0))
    for _ in range(400):
        moves.traded(start)
    assert set(asked) == {start} and len(asked) / 400 == pytest.approx(0.25, abs=0.06)


def test_shapes_are_of_any_family(layout: Layout) -> None:
    moves = Moves(layout, np.random.default_rng(0))
    kinds = [moves.shaped(()).picks[0].family for _ in range(400)]
    assert kinds.count("bank") / 400 == pytest.approx(0.5, abs=0.08)
    assert set(kinds) == {"linear", "bank"}
