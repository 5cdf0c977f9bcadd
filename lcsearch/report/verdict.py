"""The verdict: in words, whether the search beat picking one alpha by hand and thinning the backbone.

The comparison is of curves: the non-dominated models of each kind, accuracy linear in log(params)
between two of them. All three curves end in the plain backbone (alpha 1 is the backbone, and so is
width 1). Nothing is read off a curve where it has no models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lcsearch.core.records import Origin, RunRecord, TrialRecord
from lcsearch.core.text import format_count
from lcsearch.report.interpolate import Curve, Needed, curve_through
from lcsearch.report.points import Point, binomial_error, points_of, retrained_points, validation_images

Against = Literal["beat", "unclear", "not beaten"]

DROPS = (0.0, 0.5, 1.0, 2.0)
"""Points below the backbone at which the sizes are compared."""

SEARCHED: tuple[Origin, ...] = ("sampler", "given", "sensitivity")
"""Who proposes what counts as found by the search."""

NAMES = {"search": "the search", "uniform": "uniform alpha", "thinner": "a thinner backbone"}


@dataclass(frozen=True, slots=True)
class TargetRow:
    """What each kind of model needs for one accuracy.

    Attributes:
        drop: Points below the backbone.
        accuracy: The accuracy itself, in percent.
        needed: Kind (``search``, ``uniform``, ``thinner``) to what it needs: at most the backbone's
            size, since every curve ends there. The search is missing where no searched model that
            is smaller than the backbone reached the accuracy.
    """

    drop: float
    accuracy: float
    needed: dict[str, Needed]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the run shows, in words.

    Attributes:
        heading: How final it is.
        sentences: The verdict, most important first.
        against: For each hand-picked kind that has models, whether the search beat it.
        rows: The sizes that the words are about; empty where nothing can be compared yet.
    """

    heading: str
    sentences: tuple[str, ...]
    against: dict[str, Against]
    rows: tuple[TargetRow, ...]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The curves that are compared, and how sure their accuracies are.

    ``reached`` is each kind's best accuracy of a model that is smaller than the backbone: above it
    its curve is only a line to the backbone.
    """

    baseline: Point
    reached: dict[str, float]
    curves: dict[str, Curve]
    error: float | None
    source: str


def verdict(run: RunRecord) -> Verdict:
    """Say what a run has shown so far.

    Args:
        run: The run; any of its trials may be missing.
    """
    trained = [t for t in run.complete if t.origin in SEARCHED]
    evidence = _retrained(run) or _searched(run, trained)
    if evidence is None or not trained or "search" not in evidence.curves:
        return Verdict("Too early for a verdict", (_missing(run),), {}, ())
    rows = tuple(_row(evidence, drop) for drop in DROPS)
    row = next((r for r in rows if "search" in r.needed), None)
    against = _judge(evidence, rows)
    sentences = [*_size_sentences(evidence, rows, row), *_judgement(evidence, against)]
    return Verdict(_heading(run, len(trained)), tuple(sentences), against, rows)


def _heading(run: RunRecord, trained: int) -> str:
    seeds = [len(r.seeds) for r in run.retrained if r.accuracies]
    if _retrained(run) is None or not seeds:
        return f"Provisional: best of {trained} {'trial' if trained == 1 else 'trials'}, one seed"
    count = str(min(seeds)) if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    return f"Final: test accuracy, mean of {count} {'seed' if count == '1' else 'seeds'}"


def _missing(run: RunRecord) -> str:
    if run.baseline is None:
        return "The plain backbone has not finished, so there is nothing to compare with."
    size = format_count(run.baseline.params)
    return (
        f"The backbone reached {run.baseline.accuracy:.1f} % with {size} parameters; "
        "no searched trial has finished yet."
    )


def _searched(run: RunRecord, trained: Sequence[TrialRecord]) -> _Evidence | None:
    if run.baseline is None:
        return None
    baseline = points_of([run.baseline])[0]
    kinds = {
        "search": list(trained),
        "uniform": [t for t in run.trials if t.origin == "uniform" and t.state == "complete"],
        "thinner": [t for t in run.trials if t.origin == "thinner" and t.state == "complete"],
    }
    images = validation_images(run)
    return _Evidence(
        baseline,
        {kind: _reached(points_of(trials), baseline) for kind, trials in kinds.items()},
        {kind: _curve(points_of(trials), baseline) for kind, trials in kinds.items() if trials},
        binomial_error(baseline.accuracy, images),
        f"{images:,} validation images" if images else "",
    )


def _retrained(run: RunRecord) -> _Evidence | None:
    """The retrained curves, once the backbone and a searched model have been tested."""
    points = retrained_points(run)
    origin = {t.number: t.origin for t in run.trials}
    baseline = next((p for p in points if origin[p.trial] == "baseline"), None)
    if baseline is None:
        return None
    kinds = {
        "search": [p for p in points if origin[p.trial] in SEARCHED],
        "uniform": [p for p in points if origin[p.trial] == "uniform"],
        "thinner": [p for p in points if origin[p.trial] == "thinner"],
    }
    if not kinds["search"]:
        return None
    images = max(r.test_images for r in run.retrained)
    spread = [p.error for p in points if p.error is not None]
    error = max(
        binomial_error(baseline.accuracy, images) or 0.0,
        math.sqrt(math.fsum(e * e for e in spread) / len(spread)) / 2 if spread else 0.0,
    )
    curves = {kind: _curve(members, baseline) for kind, members in kinds.items() if members}
    reached = {kind: _reached(members, baseline) for kind, members in kinds.items()}
    return _Evidence(baseline, reached, curves, error, f"seeds and {images:,} test images")


def _reached(points: Sequence[Point], baseline: Point) -> float:
    return max((p.accuracy for p in points if p.params < baseline.params), default=-math.inf)


def _curve(points: Sequence[Point], baseline: Point) -> Curve:
    curve = curve_through([*points, baseline])
    assert curve is not None
    return curve


def _row(evidence: _Evidence, drop: float) -> TargetRow:
    accuracy = evidence.baseline.accuracy - drop
    needed = {kind: curve.needed(accuracy) for kind, curve in evidence.curves.items()}
    if evidence.reached["search"] < accuracy:
        del needed["search"]
    return TargetRow(drop, accuracy, {kind: need for kind, need in needed.items() if need is not None})


def _smaller(evidence: _Evidence, kind: str, row: TargetRow) -> bool:
    """Whether this kind has a model smaller than the backbone for this accuracy."""
    return evidence.reached[kind] >= row.accuracy


def _size_sentences(evidence: _Evidence, rows: Sequence[TargetRow], row: TargetRow | None) -> list[str]:
    base = evidence.baseline
    backbone = f"the backbone's accuracy ({base.accuracy:.1f} %)"
    if row is None:
        most = rows[-1].drop
        return [f"The search found no model smaller than the backbone within {most:g} points of {backbone}."]
    need = row.needed["search"]
    where = f"At {backbone}" if not row.drop else f"Within {_drop(row)} of it ({row.accuracy:.1f} %)"
    others = [
        f"{NAMES[kind]} needs {_amount(row.needed[kind])}"
        for kind in ("uniform", "thinner")
        if kind in row.needed
    ]
    fewer = base.params / need.params
    sentence = (
        f"{where} the search needs {_amount(need)} parameters{_range(evidence, row)}, "
        f"{fewer:.{0 if fewer >= 9.95 else 1}f}× fewer than the backbone's {format_count(base.params)}"
    )
    sentence += "; " + ", ".join(others) + "." if others else "."
    return [_not_reached(evidence, rows[0], backbone), sentence] if row.drop else [sentence]


def _not_reached(evidence: _Evidence, row: TargetRow, backbone: str) -> str:
    """Say that the search did not get there, and who did."""
    others = [
        f"{NAMES[kind]} did with {_amount(row.needed[kind])}"
        for kind in ("uniform", "thinner")
        if kind in row.needed and _smaller(evidence, kind, row)
    ]
    none = f"No searched model smaller than the backbone reached {backbone}"
    return f"{none}; {', '.join(others)}." if others else f"{none}."


def _range(evidence: _Evidence, row: TargetRow) -> str:
    """The sizes at which the accuracy, one standard error lower and higher, is reached."""
    if evidence.error is None:
        return ""
    curve = evidence.curves["search"]
    low, high = curve.needed(row.accuracy - evidence.error), curve.needed(row.accuracy + evidence.error)
    if low is None:
        return ""
    first = ("≤ " if low.at_most else "") + format_count(low.params)
    return f" ({first} to {format_count(high.params)})" if high else f" ({first} or more)"


def _judge(evidence: _Evidence, rows: Sequence[TargetRow]) -> dict[str, Against]:
    """Compare with each hand-picked curve, at the highest accuracy that either of the two reached."""
    result: dict[str, Against] = {}
    for kind in ("uniform", "thinner"):
        if kind in evidence.curves:
            either = (r for r in rows if "search" in r.needed or _smaller(evidence, kind, r))
            row = next(either, None)
            result[kind] = "not beaten" if row is None else _judge_at(evidence, kind, row)
    return result


def _judge_at(evidence: _Evidence, kind: str, row: TargetRow) -> Against:
    """Fewer parameters, and by more than chance?"""
    need = row.needed.get("search")
    if need is None or row.needed[kind].params <= need.params:
        return "not beaten"
    gap = _gap(evidence, kind, need.params)
    sure = gap is not None and evidence.error is not None and gap > math.sqrt(2) * evidence.error
    return "beat" if sure else "unclear"


def _gap(evidence: _Evidence, kind: str, params: float) -> float | None:
    """Points of accuracy by which the search is ahead at a size, or at the other's smallest model."""
    other, search = evidence.curves[kind], evidence.curves["search"]
    at = max(params, other.smallest, search.smallest)
    ours, theirs = search.accuracy(at), other.accuracy(at)
    return None if ours is None or theirs is None else ours - theirs


def _judgement(evidence: _Evidence, against: dict[str, Against]) -> list[str]:
    sentences = []
    phrases = {
        "beat": "The search beat {}.",
        "unclear": "It is not clear that the search beat {}: the difference is within chance.",
        "not beaten": "The search did not beat {}.",
    }
    for outcome, phrase in phrases.items():
        named = [NAMES[kind] for kind, found in against.items() if found == outcome]
        if named:
            joined = (" or " if outcome == "not beaten" else " and ").join(named)
            sentences.append(phrase.format(joined))
    if evidence.error is not None:
        sentences.append(
            f"One standard error is ±{evidence.error:.2f} points ({evidence.source}); "
            "sizes in brackets are what it leaves open."
        )
    return sentences


def _amount(needed: Needed) -> str:
    return ("at most " if needed.at_most else "") + format_count(needed.params)


def _drop(row: TargetRow) -> str:
    return "1 point" if row.drop == 1 else f"{row.drop:g} points"
