"""What a family offers to a search, and the moves in it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lcsearch.core.parameters import NotInSpace, Replay
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.family import Family
from lcsearch.layers.offer import Offer, Rule
from lcsearch.layers.partners import joined, members
from lcsearch.layers.shape import ConvShape, Shapes
from lcsearch.testing._expect import doing, expect
from lcsearch.testing._samples import Drawn

_GROUP = "features.8"
_DRAWS = 30
_SHRINKS = (1.0, 0.3)
_SHAPES = {
    "first": ConvShape(16, 24, (3, 3)),
    "second": ConvShape(24, 32, (3, 3), bias=False),
    "third": ConvShape(32, 16, (1, 1)),
}
"""Convolutions that one choice is made for."""
_SQUARE = ConvShape(16, 16, (3, 3))
_BLOCKS = 4
"""Blocks of two such convolutions, for families that layers can only be of together."""

_Layers = dict[str, LayerSpec]


def drawn_specs(family: Family[Any], rule: Rule, shape: ConvShape, number: int = 5) -> Iterator[LayerSpec]:
    """Specs for one convolution, drawn from what a family offers."""
    for offer, shapes in _offers(family, rule, {"only": shape}, shape):
        for seed in range(number):
            yield from offer.layers(offer.suggest(Drawn(random.Random(seed)), 1.0), shapes).values()


def _offers(
    family: Family[Any], rule: Rule, shapes: Shapes, shape: ConvShape
) -> Iterator[tuple[Offer[Any, Any], Shapes]]:
    """What a family offers, and the convolutions that it is for.

    Args:
        family: The family.
        rule: What a space says about it.
        shapes: Convolutions that can be of it, where each can by itself.
        shape: That of all convolutions of a net of blocks, where they can only together.
    """
    if not family.pairs:
        with doing(f"offer() of {rule!r}"):
            yield family.offer(rule, _GROUP, shapes), shapes
        return
    net = {f"blocks.{block}.{part}": shape for block in range(_BLOCKS) for part in ("first", "second")}
    with doing(f"partners() of {rule!r}"):
        partners = family.partners(rule, net)
    expect(partners is not None, "it has partners() for some layers, and None for others")
    for sets in joined(partners.sets) if partners is not None else ():
        own = {name: net[name] for name in net if name in members(sets)}
        for each in (True, False):
            with doing(f"offer_together() of {rule!r}"):
                yield family.offer_together(rule, _GROUP, own, sets, each=each), own


def check_ways(family: Family[Any]) -> None:
    """Check that ways to compress a layer can be written and read, and that their sizes are right."""
    shape = _SHAPES["first"]
    for way in family.ways(shape):
        numbers = json.loads(json.dumps(dict(way.numbers)))
        with doing(f"read_way({numbers})"):
            again = family.read_way(numbers, way.params)
        expect(again == way, f"a way, written and read, is another: {again} instead of {way}")
        size = family.size(shape, way.spec).stored
        expect(size == way.params, f"{way} says that it stores {way.params} numbers, and size() says {size}")


def check_offer(family: Family[Any], rule: Rule) -> None:
    """Check the choices under a rule, their parameters, the way back from specs, and moves."""
    able = {name: shape for name, shape in _SHAPES.items() if family.refuses(shape) is None}
    for offer, shapes in _offers(family, rule, able, _SQUARE):
        _check_offer(family, offer, shapes)


def _check_offer(family: Family[Any], offer: Offer[Any, Any], shapes: Shapes) -> None:
    _check_parameters(offer)
    choices = []
    for shrink in _SHRINKS:
        for seed in range(_DRAWS):
            own = _drawn(offer, seed, shrink)
            _check_choice(family, offer, own, shapes, shrink)
            for factor in (shrink, max(shrink, offer.least_shrink(own))):
                again, layers = _replayed(offer, own, shapes, factor), _layers(offer, own, shapes)
                expect(again == layers, f"the answers of {own} make {again} instead of {layers}")
            choices.append(own)
    _check_ends(family, offer, choices, shapes)
    _check_moves(family, offer, choices[:_DRAWS], shapes)


def _check_parameters(offer: Offer[Any, Any]) -> None:
    names = [parameter.name for parameter in offer.parameters]
    good = len(set(names)) == len(names) and all(name.startswith(f"{_GROUP}/") for name in names)
    expect(good, f"its parameters are {names}; expected different names that begin with {_GROUP}/")


def _drawn(offer: Offer[Any, Any], seed: int, shrink: float) -> Any:
    trial = Drawn(random.Random(seed))
    with doing("suggest()"):
        own = offer.suggest(trial, shrink)
    known = {parameter.name for parameter in offer.parameters}
    unknown = set(trial.answers) - known
    expect(not unknown, f"suggest() asks for {sorted(unknown)}, which are none of its parameters")
    expect(isinstance(own, tuple), f"suggest() returned {own!r}, no tuple")
    with doing(f"hash of the choice {own}"):
        hash(own)
    return own


def _check_choice(
    family: Family[Any], offer: Offer[Any, Any], own: Any, shapes: Shapes, shrink: float
) -> None:
    """A choice makes canonical specs that lie in the space: some answers make them again."""
    layers = _layers(offer, own, shapes)
    expect(set(layers) <= set(offer.members), f"layers({own}) names {list(layers)}, not only its members")
    _check_canonical(family, layers, shapes, f"layers({own})")
    share, least = offer.share(own), offer.least_shrink(own)
    expect(0 < share <= 1, f"share({own}) is {share}; expected above 0 and at most 1")
    expect(0 <= least <= 1, f"least_shrink({own}) is {least}; expected 0 to 1")
    _replayed(offer, own, shapes, shrink)
    if layers:
        with doing(f"guesses({layers})"):
            guesses = [own for own in offer.guesses(layers, shapes) if _layers(offer, own, shapes) == layers]
        found = any(_replayed(offer, guess, shapes, 1.0) == layers for guess in guesses)
        expect(found, f"none of guesses() makes {layers}, as {own} does: the space would not know it again")


def _replayed(offer: Offer[Any, Any], own: Any, shapes: Shapes, shrink: float) -> _Layers:
    """What the answers of a choice make."""
    with doing(f"answers({own})"):
        answers = offer.answers(own, shrink)
    try:
        return _layers(offer, offer.suggest(Replay(answers), shrink), shapes)
    except NotInSpace as error:
        raise AssertionError(f"the answers of {own} lie outside the space: {error}") from None


def _check_ends(family: Family[Any], offer: Offer[Any, Any], choices: list[Any], shapes: Shapes) -> None:
    def params(layers: _Layers) -> int:
        plain = sum(shape.params for name, shape in shapes.items() if name not in layers)
        sizes = [family.sizes(shapes, own) for own in _bundles(family, layers)]
        return plain + sum(size.stored for own in sizes for size in own.values())

    with doing("extreme()"):
        ends = [params(_layers(offer, offer.extreme(shapes, end), shapes)) for end in ("smallest", "largest")]
    for own in choices:
        own_params = params(_layers(offer, own, shapes))
        expect(
            ends[0] <= own_params <= ends[1],
            f"{own} stores {own_params} numbers; by extreme() the smallest stores {ends[0]}, the largest "
            f"{ends[1]}",
        )
    for share in (1 / 64, 0.25, 1.0):
        allowed = offer.allowed(share)
        expect(0 < allowed <= 1, f"allowed({share}) is {allowed}")
        _check_canonical(family, offer.at_share(share, shapes), shapes, f"at_share({share})")


def _check_canonical(family: Family[Any], layers: Mapping[str, LayerSpec], shapes: Shapes, what: str) -> None:
    for own in _bundles(family, layers):
        made = family.canonicals(shapes, own)
        expect(made == own, f"{what} makes {own}; their canonical form is {made}")


def _bundles(family: Family[Any], layers: Mapping[str, LayerSpec]) -> list[dict[str, LayerSpec]]:
    found: dict[str, dict[str, LayerSpec]] = {}
    for name, spec in layers.items():
        found.setdefault(family.together(name, spec), {})[name] = spec
    return list(found.values())


def _check_moves(family: Family[Any], offer: Offer[Any, Any], choices: list[Any], shapes: Shapes) -> None:
    def moves(seed: int, own: Any) -> dict[str, Any]:
        def chance() -> np.random.Generator:
            return np.random.default_rng(seed)

        made: dict[str, Callable[[], Any]] = {
            "nudged": lambda: offer.nudged(own, chance()),
            "changed": lambda: offer.changed(own, chance()),
            "keeping": lambda: offer.keeping(float(chance().random()), chance()),
            "scaled up": lambda: offer.scaled(own, 3.0),
            "scaled down": lambda: offer.scaled(own, 0.2),
        }
        found = {}
        for name, move in made.items():
            with doing(f"{name} from {own}"):
                found[name] = move()
        return found

    for seed, own in enumerate(choices):
        moved = moves(seed, own)
        expect(moved == moves(seed, own), f"a move from {own} differs, though its generator is seeded alike")
        for name, other in moved.items():
            with doing(f"{name} from {own}, which is {other}"):
                _check_choice(family, offer, other, shapes, 1.0)
    shares = {
        name: offer.share(offer.scaled(choices[0], factor)) for name, factor in (("up", 4.0), ("down", 0.25))
    }
    expect(
        shares["down"] <= shares["up"], f"scaled by 1/4 a choice keeps {shares['down']}, by 4 {shares['up']}"
    )


def _layers(offer: Offer[Any, Any], own: Any, shapes: Shapes) -> _Layers:
    with doing(f"layers({own})"):
        return dict(offer.layers(own, shapes))
