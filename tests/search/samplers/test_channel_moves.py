"""Moves of channels on a chain of convolutions of 64, 128 and 256 channels; the first stays plain."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from torch import nn

from lcsearch.core.spec import ModelSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.search.samplers._channel_moves import ChannelMoves
from lcsearch.search.samplers._layout import Genome, Layout
from lcsearch.search.samplers._moves import Moves
from lcsearch.search.space import bind, parse_space
from lcsearch.search.space.groups import PLAIN, Pick

CHANNELS = {"low": 0.125, "high": 1.0, "log": True}
RULE = {
    "kind": ["conv", "linear"],
    "alpha": {"low": 0.005, "high": 1.0, "log": True},
    "channels": CHANNELS,
}
FULL = (64, 128, 256)


def layout(sizes: tuple[int, int, int] = FULL, **rule: Any) -> Layout:
    one, two, three = sizes
    net = nn.Sequential(
        nn.Conv2d(3, one, 3), nn.ReLU(), nn.Conv2d(one, two, 3), nn.ReLU(), nn.Conv2d(two, three, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(three, 10),
    )  # fmt: skip
    rules = {"0": {"kind": "conv", "channels": CHANNELS}, "*": RULE | rule}
    space = parse_space({"version": 1, "backbone": "*", "layers": rules}, "f")
    return Layout(bind(space, net, ModelSpec("net", 10, 3), (3, 8, 8)))


LAYOUT = layout()


def moves(seed: int = 0, of: Layout = LAYOUT) -> Moves:
    return Moves(of, np.random.default_rng(seed))


def linear(alpha: float) -> Pick:
    return Pick("linear", Chosen(alpha, "full"))


def alpha(pick: Pick) -> float:
    return 1.0 if pick == PLAIN else pick.own[0]


def test_what_the_chain_has() -> None:
    assert [choice.sizes for choice in LAYOUT.choices] == [(64,), (128,), (256,)]
    assert LAYOUT.space.thinning.full == FULL
    assert LAYOUT.touched == [{0}, {0, 1}, {1}], "what makes the channels, and what reads them"
    assert LAYOUT.homes == [0, 0, 1], "the first belong to the first layer that is searched"


def test_a_nudge_moves_one_to_three_of_layers_and_channels() -> None:
    start = Genome((linear(0.3), linear(0.3)), (32, 64, 128), ())
    many, where = Counter[int](), Counter[int]()
    for seed in range(400):
        found = moves(seed).nudged(start)
        pairs = zip((*found.picks, *found.kept), (*start.picks, *start.kept), strict=True)
        moved = [place for place, (new, old) in enumerate(pairs) if new != old]
        many[len(moved)] += 1
        where.update(moved)
    assert set(many) <= {0, 1, 2, 3} and many[0] < 40
    assert min(where[place] for place in (2, 3, 4)) > 100, "channels always move"
    assert sorted(where) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kept", [(8, 16, 32), FULL])
def test_channels_at_an_end_move_back_or_stay(kept: tuple[int, ...]) -> None:
    start = Genome((linear(0.3), linear(0.3)), kept, ())
    found = [moves(seed).nudged(start).kept for seed in range(200)]
    assert all(
        low <= count <= size for one in found for low, count, size in zip((8, 16, 32), one, FULL, strict=True)
    )
    assert len(set(found)) > 40


def test_a_small_nudge_goes_to_the_next_count() -> None:
    coarse = layout(round_to=32)
    start = Genome((PLAIN, PLAIN), (32, 64, 128), ())
    found = Counter(moves(seed, coarse).nudged(start).kept[2] for seed in range(200))
    assert set(found) - {128} and all(count % 32 == 0 for count in found)
    assert found[96] > 10 < found[160]


def test_an_exchange_keeps_the_size_and_all_that_it_does_not_touch() -> None:
    start = Genome((linear(0.3), linear(0.2)), (32, 64, 128), (("a", 1),))
    changed = Counter[int]()
    for seed in range(120):
        found = moves(seed).exchanged(start)
        moved = [place for place in range(3) if found.kept[place] != start.kept[place]]
        assert len(moved) == 1
        changed.update(moved)
        touched = LAYOUT.touched[moved[0]]
        assert all(found.picks[place] == start.picks[place] for place in {0, 1} - touched)
        assert found.shared == start.shared
        up = found.kept[moved[0]] > start.kept[moved[0]]
        for place in touched:
            new, old = alpha(found.picks[place]), alpha(start.picks[place])
            assert new < old + 0.05 if up else new > old - 0.05
    assert min(changed.values()) > 20
    sizes = [LAYOUT.size(moves(seed).exchanged(start)) / LAYOUT.size(start) for seed in range(120)]
    assert np.median(np.abs(np.log(sizes))) < 0.03


def test_a_net_whose_channels_alone_may_go_has_shapes_too() -> None:
    net = nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 128, 3), nn.Conv2d(128, 8, 3))
    plain = {"version": 1, "backbone": "*", "layers": {"*": {"kind": "conv", "channels": CHANNELS}}}
    alone = Layout(bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 3), (3, 8, 8)))
    found = [moves(seed, alone).shaped((("a", 1),)) for seed in range(20)]
    assert all(one.picks == () and one.shared == (("a", 1),) and len(one.kept) == 2 for one in found)
    assert len({one.kept for one in found}) > 5


def test_half_of_the_trades_are_of_channels_against_layers() -> None:
    """The others move any one choice, which then stays as it is."""
    exchanged, moved = list[Genome](), Counter[int]()

    class Told(Moves):
        def exchanged(self, genome: Genome) -> Genome:
            exchanged.append(genome)
            return super().exchanged(genome)

        def resized(self, genome: Genome, params: float, fixed: frozenset[int]) -> Genome:
            if len(fixed) == 1:
                moved.update(fixed)
            return super().resized(genome, params, fixed)

    start = Genome((linear(0.3), linear(0.2)), (32, 64, 128), ())
    for seed in range(400):
        Told(LAYOUT, np.random.default_rng(seed)).traded(start)
    assert set(exchanged) == {start} and len(exchanged) / 400 == pytest.approx(0.5, abs=0.07)
    assert sorted(moved) == [0, 1, 2, 3, 4] and min(moved.values()) > 20
    assert sum(moved.values()) == 400 - len(exchanged)


def test_plain_layers_pay_for_channels_that_come_back() -> None:
    """Where a plain net keeps more channels, the layers around are no longer plain."""
    start = Genome((PLAIN, PLAIN), (32, 64, 128), ())
    more = [found for found in (moves(seed).exchanged(start) for seed in range(60)) if found.kept[1] > 80]
    assert more and all(PLAIN not in found.picks for found in more)
    assert all(LAYOUT.size(found) == pytest.approx(LAYOUT.size(start), rel=0.1) for found in more)


def test_layers_and_channels_are_resized_together() -> None:
    start = Genome((linear(0.5), linear(0.5)), (48, 96, 192), ())
    goal, parts, off = LAYOUT.size(start) / 3, list[float](), list[float]()
    for seed in range(100):
        found = moves(seed).resized(start, goal, frozenset())
        off.append(abs(math.log(LAYOUT.size(found) / goal)))
        shares = [new / old for new, old in zip(found.kept, start.kept, strict=True)]
        assert max(shares) <= 1 and max(shares) - min(shares) < 0.04, "one factor for all channels"
        cut = [math.log(alpha(pick) / 0.5) for pick in found.picks]
        assert max(cut) <= 0.01 and max(cut) - min(cut) < 0.1, "and one for all layers"
        parts.append(min(cut) / (min(cut) + 2 * math.log(min(shares))))
    assert max(off) < 0.1 and np.median(off) < 0.02
    assert min(parts) < 0.15 and max(parts) > 0.85, "from channels alone to layers alone"


def test_fixed_channels_stay() -> None:
    start = Genome((linear(0.5), linear(0.5)), (48, 96, 192), ())
    for seed in range(20):
        found = moves(seed).resized(start, LAYOUT.size(start) / 2, frozenset({1, 3}))
        assert found.kept[1] == 96 and found.picks[1] == start.picks[1]
        assert found.kept[0] < 48 or found.picks[0] != start.picks[0]


def test_channels_are_inherited_with_the_layers_that_make_them() -> None:
    """Layer ``2`` makes the second and ``4`` the third; the first are inherited with ``2``."""
    first = Genome((linear(0.1), linear(0.1)), (10, 20, 40), ())
    second = Genome((linear(0.2), linear(0.2)), (11, 21, 41), ())
    found = Counter(moves(seed).mixed(first, second) for seed in range(200))
    assert len(found) == 4
    for child in found:
        owners = [parent for pick in child.picks for parent in (first, second) if pick in parent.picks]
        assert child.kept == (owners[0].kept[0], owners[0].kept[1], owners[1].kept[2])


def test_shapes_are_thinner_where_layers_are_wide() -> None:
    kept = np.array([moves(seed).shaped(()).kept for seed in range(300)]) / np.array(FULL)
    assert kept.min() >= 0.125 and kept.max() == 1.0
    logs = np.log(kept).mean(axis=0)
    assert logs[0] > logs[1] > logs[2]
    cut = np.array([[alpha(pick) for pick in moves(seed).shaped(()).picks] for seed in range(300)])
    assert np.exp(np.log(cut).mean()) > 0.2, "mild cuts"


def test_a_space_without_layers_to_search_mixes_channels() -> None:
    alone = layout(kind="conv")
    first, second = Genome((), (10, 20, 40), ()), Genome((), (11, 21, 41), ())
    found = {moves(seed, alone).mixed(first, second).kept for seed in range(200)}
    assert len(found) == 8
    assert moves(0, alone).shaped((("a", 1),)).picks == ()


class Given:
    """A generator whose numbers are given: shares of uniform ranges, and normal ones."""

    def __init__(self, uniform: Sequence[float], normal: Sequence[float]) -> None:
        self._uniform, self._normal = iter(uniform), iter(normal)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._uniform)

    def standard_normal(self, count: int = 1) -> np.ndarray:
        return np.array([next(self._normal) for _ in range(count)]).squeeze()

    def integers(self, high: int) -> int:
        return high - 1 if next(self._uniform) else 0


def given(uniform: Sequence[float], normal: Sequence[float], of: Layout = LAYOUT) -> ChannelMoves:
    return ChannelMoves(of.space.thinning, Given(uniform, normal))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("uniform", "normal", "logs"),
    [
        ((0.5, 0.5), (0, 0, 0), (-0.6, -0.85, -1.1)),
        ((1, 0), (1, -1, 0), (0, -0.5 - 0.15, -1)),
        ((0, 1), (2, 0, -2), (-1.2 + 0.3, -1.2, -1.2 - 0.3)),
    ],
)
def test_a_shape_by_hand(uniform: Sequence[float], normal: Sequence[float], logs: Sequence[float]) -> None:
    """128 lies in the middle between 64 and 256; first the slope is drawn, then the level."""
    wanted = [round(size * math.exp(log)) for size, log in zip(FULL, logs, strict=True)]
    assert given(uniform, normal).shaped() == tuple(wanted)


def test_channels_of_one_width_are_all_wide() -> None:
    assert given((1, 0), (0, 0, 0), layout((64, 64, 64))).shaped() == (round(64 / math.e),) * 3


@pytest.mark.parametrize(
    ("large", "normal", "before", "after"),
    [
        (True, 0.5, (32, 64, 128), (round(32 * math.exp(0.4)), 64, 128)),
        (True, -0.5, (32, 64, 128), (round(32 * math.exp(-0.4)), 64, 128)),
        (False, 0.01, (32, 64, 128), (33, 64, 128)),
        (False, -0.01, (32, 64, 128), (31, 64, 128)),
        (False, 0.01, FULL, FULL),
        (False, -0.01, FULL, (63, 128, 256)),
        (False, 0.01, (8, 16, 32), (9, 16, 32)),
        (False, -0.01, (8, 16, 32), (8, 16, 32)),
    ],
)
def test_a_nudge_by_hand(large: bool, normal: float, before: Any, after: Any) -> None:
    assert given((large,), (normal,)).nudged(before, 0) == after
