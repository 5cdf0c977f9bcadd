"""Four layers of one shape that may share filters, and what a space offers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lcsearch.layers.families import shared
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.offer import Offer
from lcsearch.layers.shape import ConvShape

NAMES = ("1.a", "1.b", "2.a", "2.b")
SHAPES = dict.fromkeys(NAMES, ConvShape(8, 8, (3, 3)))
SETS = {"stage": (NAMES,), "position": (("1.a", "2.a"), ("1.b", "2.b"))}
ALL = {"shared": {"low": 1 / 72, "high": 1.0}, "unique": {"low": 0.0, "high": 1.0}}


def offer(rule: Mapping[str, Any] = ALL, each: bool = True, sets: Any = SETS) -> Offer[SharedSpec, Any]:
    made = shared.FAMILY.rule.model_validate(rule)
    return shared.FAMILY.offer_together(made, "group", SHAPES, sets, each=each)
