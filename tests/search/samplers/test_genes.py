"""One choice over convolutions: what its picks mean where channels go, by hand."""

from __future__ import annotations

import math

import pytest
from spaces import FAMILIES, SHARED, bind_blocks, bind_tiny

from lcsearch.layers import lookup
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.layers.linear_offer import Chosen
from lcsearch.layers.shape import ConvShape
from lcsearch.search.samplers._genes import Gene, Look, block
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.groups import PLAIN, Pick
from lcsearch.search.space.joint import Joint

ALL, HALF = (6, 10, 10), (6, 10, 5)
"""Channels of ``first``, ``grouped`` and ``point``: the last is 1x1, with a bias, and its own may go."""
LINEAR, SEPARABLE = lookup.family("linear"), lookup.family("separable")


def gene(space: BoundSpace) -> Gene:
    """Of the last choice of a space."""
    return Gene(space.groups[-1], space.thinning, [LINEAR, SEPARABLE])


POINT = gene(
    bind_tiny(
        {"first": {"kind": "conv"}, "grouped": {"kind": "conv"},
         "point": FAMILIES | {"channels": {"low": 0.5, "high": 1.0}}}
    )
)  # fmt: skip


def linear(alpha: float) -> Pick:
    return Pick("linear", Chosen(alpha, "full"))


def test_what_is_plain_is_as_large_as_its_channels_and_has_no_features() -> None:
    zeros = (0.0,) * block([LINEAR, SEPARABLE])
    assert POINT.places == (2,) and POINT.parts == ()
    assert POINT.look(PLAIN, ALL) == Look(110, zeros, built=0, regularized=False)
    assert POINT.look(PLAIN, HALF) == Look(55, zeros, built=0, regularized=False)
    assert POINT.params(PLAIN, HALF) == 55


def test_features_are_those_of_its_family_beside_zeros() -> None:
    """Of five filters one is stored and the other four are mixed of it: 10 numbers, 4 and a bias of 5."""
    shape = ConvShape(10, 5, (1, 1))
    found = POINT.look(linear(0.2), HALF)
    own = LINEAR.describe(shape, LinearSpec(0.2))
    assert found.params == POINT.params(linear(0.2), HALF) == 10 + 4 + 5 and found.regularized
    assert found.features == pytest.approx([math.log(19 / 55), *own, *(0.0,) * SEPARABLE.features])
    first = gene(bind_tiny({"first": FAMILIES, "*": {"kind": "conv"}}))
    pick = next(first.group.offers["separable"].near(SeparableSpec(1), ConvShape(3, 6, (3, 3))))
    other = first.look(Pick("separable", pick), ALL)
    assert other.features[1 : 1 + LINEAR.features] == (0.0,) * LINEAR.features
    assert other.features[1 + LINEAR.features :] == SEPARABLE.describe(
        ConvShape(3, 6, (3, 3)), SeparableSpec(1)
    )
    assert not other.regularized
    assert len({found.built, other.built, 0}) == 3


def test_picks_that_make_the_same_are_built_alike() -> None:
    """0.2 and 0.22 of five filters are one, and 0.4 are two."""
    assert POINT.look(linear(0.2), HALF).built == POINT.look(linear(0.22), HALF).built
    assert POINT.look(linear(0.2), HALF).built != POINT.look(linear(0.4), HALF).built


def test_a_pick_is_looked_at_once_for_all_channels_that_it_does_not_see() -> None:
    assert POINT.look(linear(0.5), HALF) is POINT.look(linear(0.5), (3, 5, 5))


def test_layers_and_the_way_back_are_those_of_the_channels_that_stay() -> None:
    """A tenth of ten filters is one, as are two tenths of five, of which there is no tenth."""
    assert POINT.layers(linear(0.1), ALL) == {"point": LinearSpec(0.1)}
    assert POINT.layers(linear(0.1), HALF) == {"point": LinearSpec(0.2)}
    for alpha, kept in ((0.1, ALL), (0.2, HALF)):
        found = POINT.find({"point": LinearSpec(alpha)}, kept)
        assert found is not None and POINT.layers(found, kept) == {"point": LinearSpec(alpha)}
    assert POINT.find({"point": LinearSpec(0.1)}, HALF) is None
    assert POINT.find({}, HALF) == PLAIN


def test_layers_that_may_choose_for_themselves_have_genes_of_their_own() -> None:
    joint = gene(bind_blocks(SHARED))
    assert isinstance(joint.group, Joint)
    assert tuple(part.group for part in joint.parts) == joint.group.parts
    half = LINEAR.describe(ConvShape(8, 8, (3, 3), bias=False), LinearSpec(0.5))
    for place, part in enumerate(joint.parts):
        assert part.params(PLAIN, ()) == 576 + 8 * (place % 2), "every second layer of a block has a bias"
        found = part.look(linear(0.5), ()).features
        assert len(found) == block([LINEAR, SEPARABLE])
        assert place % 2 or found[1 : 1 + LINEAR.features] == half
