"""What a choice of terms and rank makes of one convolution: the nearest separable layer that saves."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from lcsearch.layers import separable_sizes
from lcsearch.layers.shape import ConvShape

FULL, LOW_RANK = "full", "low_rank"

_SLACK = 1 + 1e-9
"""A share is a quotient: times the same number it may come out a little less."""

_ROOM = 20_000
"""Choices for shapes that are kept: samplers ask for each many times."""

Fields = tuple[int, int | None]
"""Terms and rank of a spec."""


class Chosen(NamedTuple):
    """A choice.

    Attributes:
        terms: Blueprints that a filter is the sum of.
        pointwise: What spreads them over the input channels: ``full`` or ``low_rank``.
        ratio: Rank / input channels; None where it is full.
    """

    terms: int
    pointwise: str
    ratio: float | None = None


def numbers(shape: ConvShape, terms: int, rank: int | None) -> int:
    """Numbers of a layer without its bias."""
    return separable_sizes.params(shape, terms, rank) - shape.bias_size


def most_terms(shape: ConvShape, pointwise: str, wanted: int | None = None) -> int:
    """The most terms, and no more than wanted, with which a layer saves; 0 where none does.

    A low-rank layer saves where it does at rank 1.
    """
    least = None if pointwise == FULL else 1
    area = shape.kernel[0] * shape.kernel[1]
    terms = area if wanted is None else min(wanted, area)
    while terms and numbers(shape, terms, least) >= shape.macs:
        terms -= 1
    return terms


def most_rank(shape: ConvShape, terms: int) -> int:
    """The highest rank that stores less than full ones and than the plain filters; 0 where none does."""
    return _rank_within(shape.macs - 1, shape, terms)


@lru_cache(_ROOM)
def made(own: Chosen, shape: ConvShape) -> Fields | None:
    """Terms and rank of the layer that a choice makes of a convolution.

    Returns:
        First the terms, then the rank are lowered until they save. Where no rank stores less than full ones
        they are full. None where nothing saves.
    """
    if own.ratio is not None:
        terms = most_terms(shape, LOW_RANK, own.terms)
        most = most_rank(shape, terms) if terms else 0
        if most > 0:
            return terms, min(max(1, math.floor(own.ratio * shape.in_channels + 0.5)), most)
    terms = most_terms(shape, FULL, own.terms)
    return (terms, None) if terms else None


def at_share(share: float, shape: ConvShape) -> Fields | None:
    """Terms and rank of the largest layer that keeps at most a share of a convolution's numbers.

    Returns:
        Full ones of fewer terms, or a low rank of more, whichever is larger; the smallest layer where all are
        too large; None where the plain convolution is not, or nothing saves.
    """
    wanted, most = share * shape.macs * _SLACK, most_terms(shape, FULL)
    if wanted >= shape.macs:
        return None
    fits = max((terms for terms in range(1, most + 1) if numbers(shape, terms, None) <= wanted), default=0)
    found: list[Fields] = [(fits, None)] if fits else []
    if fits < most_terms(shape, LOW_RANK):
        rank = _rank_within(wanted, shape, fits + 1)
        found += [(fits + 1, rank)] if rank else []
    if found:
        return max(found, key=lambda fields: numbers(shape, *fields))
    return made(Chosen(1, LOW_RANK, 1 / shape.in_channels), shape)


def _rank_within(wanted: float, shape: ConvShape, terms: int) -> int:
    """The highest useful rank with at most so many numbers; 0 where there is none."""
    none = numbers(shape, terms, 0)
    most = math.floor((wanted - none) / (numbers(shape, terms, 1) - none))
    return max(0, min(separable_sizes.max_useful_rank(shape, terms), most))
