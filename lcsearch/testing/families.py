"""The contract of a family of layers: its specs, sizes and words.

Its layers are looked at in ``lcsearch.testing._layers``, what it offers to a search in ``_offers``.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any

import torch
from pydantic_core import PydanticCustomError
from torch import nn

from lcsearch.core import plugins
from lcsearch.core.spec import LayerSpec
from lcsearch.layers.family import Family
from lcsearch.layers.offer import Rule
from lcsearch.nets.replaceable import shape_of
from lcsearch.testing._expect import doing, expect
from lcsearch.testing._layers import check_bundle, check_layer
from lcsearch.testing._offers import check_offer, check_ways, drawn_specs

_MOST_SPECS = 8


def check_family(family: Family[Any], *, specs: Sequence[LayerSpec] = (), rules: Sequence[Rule] = ()) -> None:
    """Check that a family's arithmetic, layers, fits, files, moves and words agree with each other.

    Args:
        family: What its file calls ``FAMILY``, or its entry point names.
        specs: Specs to check beside those that the family itself offers to a search, on every convolution
            that `canonical` allows them for; a family that is not searched needs one at least.
        rules: What a space may say about it; what it is offered where the space says nothing is checked too.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.layers.family.Family`.
    """
    _check_facts(family)
    asked = [*rules, *([] if family.rule is None else [family.rule()])]
    found = 0
    with torch.random.fork_rng(devices=[]):
        for what, conv in _convolutions().items():
            for spec in _canonical_specs(family, conv, specs, asked, what):
                _check_spec(family, conv, spec)
                check_layer(family, conv, spec, f"{spec} in place of a convolution ({what})")
                check_bundle(family, conv, spec)
                found += 1
    expect(
        found > 0 or not (asked or specs),
        "no spec that was tried saves anything on any convolution: nothing of its layers was checked",
    )
    check_ways(family)
    for rule in asked:
        check_offer(family, rule)


def _convolutions() -> dict[str, nn.Conv2d]:
    torch.manual_seed(0)
    strided = nn.Conv2d(8, 12, 3, 2, 1, bias=False, padding_mode="reflect")
    made = {
        "3x3": nn.Conv2d(12, 16, 3, padding=1),
        "3x3 with stride 2, without bias, reflecting": strided,
        "3x1, dilated": nn.Conv2d(6, 10, (3, 1), padding="same", dilation=2),
        "two groups": nn.Conv2d(8, 12, 3, padding=1, groups=2),
        "depthwise": nn.Conv2d(8, 8, 3, groups=8),
        "1x1": nn.Conv2d(12, 10, 1),
        "one filter": nn.Conv2d(3, 1, 3),
    }
    return {what: conv.double() for what, conv in made.items()}


def _canonical_specs(
    family: Family[Any], conv: nn.Conv2d, given: Sequence[LayerSpec], rules: Sequence[Rule], what: str
) -> Iterator[LayerSpec]:
    """Different canonical specs that save something: given ones, some of its ways, drawn ones."""
    shape = shape_of(conv)
    with doing(f"refuses() of a convolution ({what})"):
        refused = family.refuses(shape)
    expect(refused is None or isinstance(refused, str), f"refuses() returned {refused!r}, not words or None")
    if refused is not None:
        return
    found = dict[LayerSpec | None, None]()
    with doing(f"specs for a convolution ({what})"):
        for spec in given:
            with suppress(ValueError):
                found[family.canonical(shape, spec)] = None
        ways = [way.spec for way in family.ways(shape)]
        drawn = [drawn_specs(family, rule, shape) for rule in rules]
        for spec in (*ways[:1], *ways[-1:], *chain(*zip_longest(*drawn))):
            if spec is not None:
                found[family.canonical(shape, spec)] = None
    yield from [spec for spec in found if spec is not None][:_MOST_SPECS]


def _check_facts(family: Family[Any]) -> None:
    name = family.name
    expect(bool(re.fullmatch(r"[a-z][a-z0-9_-]*", name)), f"its name is {name!r}; expected a lower-case word")
    expect(name not in plugins.FAMILY.reserved, f"its name is {name!r}, which spaces mean no family by")
    expect(
        bool(re.fullmatch("#[0-9a-f]{6}", family.colour)),
        f"its colour is {family.colour!r}; expected one such as #0072b2",
    )
    spec: Any = family.spec
    good = issubclass(spec, LayerSpec) and dataclasses.is_dataclass(spec)
    expect(good, f"its spec, {spec.__name__}, is no LayerSpec that is a dataclass")
    expect(spec.family == name, f"its specs say that they are of family {spec.family!r}, not {name!r}")


def _check_spec(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec) -> None:
    shape = shape_of(conv)
    same = family.canonical(shape, spec)
    expect(same == spec, f"the canonical form of {spec}, which is canonical, is {same}")
    stored = family.size(shape, spec).stored
    expect(
        0 < stored < shape.params,
        f"{spec} stores {stored} numbers of {shape}, the plain convolution {shape.params}: canonical() must "
        "return None where nothing is saved",
    )
    _check_frozen(spec)
    plain = json.loads(json.dumps(spec.to_plain()))
    with doing(f"reading {plain} back"):
        own = {key: value for key, value in plain.items() if key != "family"}
        again = family.read(own)
    expect(
        again == spec and plain["family"] == family.name, f"{spec}, written as {plain}, is read as {again}"
    )
    _check_refuses_unknown(family, own)
    expect(pickle.loads(pickle.dumps(spec)) == spec, f"{spec} is another after pickle")
    _check_words(family, conv, spec)


def _check_frozen(spec: LayerSpec) -> None:
    for field in dataclasses.fields(spec):
        try:
            setattr(spec, field.name, getattr(spec, field.name))
        except dataclasses.FrozenInstanceError:
            continue
        raise AssertionError(f"its spec is not frozen: {field.name} can be changed, and specs are looked up")


def _check_refuses_unknown(family: Family[Any], plain: dict[str, Any]) -> None:
    try:
        family.read(plain | {"no_such_field": 1})
    except PydanticCustomError:
        return
    raise AssertionError("read() takes a field that it does not know: a typing mistake would go unnoticed")


def _check_words(family: Family[Any], conv: nn.Conv2d, spec: LayerSpec) -> None:
    numbers = family.numbers(spec)
    json.dumps(dict(numbers))
    said = {"words": family.words(spec), "short": family.short(spec), "share_words": family.share_words(0.25)}
    said |= dict(zip(("the first of cells", "the second of cells"), family.cells(numbers), strict=True))
    for what, words in said.items():
        good = isinstance(words, str) and "\n" not in words
        expect(good, f"{what}() of {spec} says {words!r}; expected text in one line")
    expect(bool(family.words(spec)), f"words() of {spec} is empty")
    described = family.describe(shape_of(conv), spec)
    good = len(described) == family.features and all(map(math.isfinite, described))
    expect(good, f"describe() of {spec} is {described}; expected {family.features} finite numbers")
    lengths = {len(family.coordinates(spec)), len(family.coordinates(None))}
    expect(len(lengths) == 1, f"coordinates() of {spec} and of None have different lengths: {lengths}")
