"""How many trials fill a device: from how fast each trial went beside how many others, and from memory.

A small net cannot fill a GPU: between its steps the GPU waits for the processor. Of several trials each then
goes nearly as fast as one alone, until the GPU never waits; from there on they only take each other's time.
Trials differ in their nets, so that the speeds of two say nothing of their number. But those of one trial do,
beside one other and beside three: they make the throughput of a number over that of another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lcsearch.core.pace import Pace

GAIN = 1.05
"""Times the throughput of fewer trials that more must have: they take memory, and each takes longer."""
_SECOND = 4
"""Trials at once after one alone, which says how much memory one takes."""
Told = tuple[int, Pace]
"""A trial's number, and how fast it went."""
_WHOLE = 0.2
"""How far the mean number of trials in a stretch may be from a whole one."""
_FULLEST = 0.9
"""Share of a device's memory that may be taken."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A trial's speed while so many were trained.

    Attributes:
        trial: Its number.
        at_once: Trials that made steps then, it among them.
        rate: Its steps per second.
    """

    trial: int
    at_once: int
    rate: float


def stretches(told: Sequence[Told], beside: Sequence[Told]) -> list[Stretch]:
    """What was told of trials, with how many made steps at the time; left out where that number changed.

    Args:
        told: Trials and how fast they went.
        beside: Likewise all that was told of these times.
    """
    found = []
    for trial, pace in told:
        others = sum(_overlap(pace, other) for number, other in beside if number != trial)
        mean = 1 + others / (pace.ended - pace.begun)
        if abs(mean - round(mean)) <= _WHOLE:
            found.append(Stretch(trial, round(mean), pace.rate))
    return found


def throughputs(measured: Iterable[Stretch], now: int) -> dict[int, float]:
    """The throughput of numbers of trials at once over that of the smallest of them.

    The logarithm of a rate is taken for a sum, of what the trial's net makes of it and what the number of
    trials does; the least squares of what is left. Of stretches of one trial at one number the median counts.

    Args:
        measured: Speeds of trials.
        now: A number of trials; only numbers count that one trial after the other links with it.

    Returns:
        By number; empty where no trial has run in that number.
    """
    cells = defaultdict[tuple[int, int], list[float]](list)
    for one in measured:
        cells[one.trial, one.at_once].append(one.rate)
    numbers, trials = _linked(list(cells), now)
    kept = [(trial, number) for trial, number in cells if trial in trials]
    if not kept:
        return {}
    columns = {name: place for place, name in enumerate([*trials, *(-number for number in numbers[1:])])}
    terms = np.zeros((len(kept), len(columns)))
    for row, (trial, number) in enumerate(kept):
        terms[row, columns[trial]] = 1.0
        if number != numbers[0]:
            terms[row, columns[-number]] = 1.0
    logs = np.log([median(cells[cell]) for cell in kept])
    answer = np.linalg.lstsq(terms, logs, rcond=None)[0]
    slower = {number: math.exp(answer[columns[-number]]) for number in numbers[1:]}
    return {number: number / numbers[0] * slower.get(number, 1.0) for number in numbers}


def next_number(now: int, found: Mapping[int, float], most: int) -> int | None:
    """How many trials to run at once from now on.

    After one at first four, then twice as many, as long as that pays; numbers between need not be tried, for
    where so many more have less than `GAIN` times the throughput, so have they. Where four cannot be compared
    with one, because they began when that one had ended, more are tried: these run beside the four.

    Args:
        now: How many there are.
        found: Throughput by number, as far as it can be compared with that of as many as now.
        most: How many there may be, at least 1.

    Returns:
        The number to compare with where so many have not `GAIN` times its throughput; else more, or as many
        as there may be; None where too little is known.
    """
    if now > most:
        return most
    if now not in found:
        return None
    fewer = [number for number in found if number < now and number <= (now + 1) // 2]
    if fewer and found[now] < GAIN * found[max(fewer)]:
        return max(fewer)
    if not fewer and (now > _SECOND or now == most > 1):
        return None
    return min(2 * now if now > 1 else _SECOND, most)


def room_for(workers: int, free: int, total: int, each: int) -> int:
    """How many workers a device's memory holds.

    Args:
        workers: That are there.
        free: Bytes that nobody has taken.
        total: Bytes that there are.
        each: Bytes that a worker took at most so far.
    """
    spare = free - round((1 - _FULLEST) * total)
    return max(1, workers + (math.floor(spare / each) if each > 0 else 0))


def _overlap(one: Pace, other: Pace) -> float:
    return max(0.0, min(one.ended, other.ended) - max(one.begun, other.begun))


def _linked(cells: Sequence[tuple[int, int]], now: int) -> tuple[list[int], list[int]]:
    """Numbers that trials link with this one, and these trials, both from the smallest on."""
    numbers, trials, before = {now}, set[int](), -1
    while len(trials) > before:
        before = len(trials)
        trials |= {trial for trial, number in cells if number in numbers}
        numbers |= {number for trial, number in cells if trial in trials}
    return sorted(numbers), sorted(trials)
