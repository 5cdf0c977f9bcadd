"""The verdict: in words, whether the search beat what one would pick by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lcsearch.core.metric import ACCURACY, metric_words
from lcsearch.core.records import RIVALS, SEARCHED, RunRecord
from lcsearch.core.text import counted, format_count
from lcsearch.report.evidence import Evidence, Target, evidence_of
from lcsearch.report.interpolate import Needed
from lcsearch.report.lead import Lead

Against = Literal["beat", "mixed", "unclear", "not beaten"]

DROPS = (0.0, 0.5, 1.0, 2.0)
"""Points below the backbone at which the sizes are compared."""

_PHRASES: dict[Against, str] = {
    "beat": "The search beat {}.",
    "mixed": "The search beat {} at some sizes, and was beaten at others.",
    "unclear": "It is not clear that the search beat {}: the difference is within chance.",
    "not beaten": "The search did not beat {}.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the run shows, in words.

    Attributes:
        heading: How final it is.
        sentences: The verdict, most important first.
        against: For each hand-picked kind that has models, and where there are several for ``by hand``, the
            best of all, whether the search beat it over the whole range of sizes that both have.
        targets: The sizes that the words are about; empty where nothing can be compared yet.
    """

    heading: str
    sentences: tuple[str, ...]
    against: dict[str, Against]
    targets: tuple[Target, ...]


def verdict(run: RunRecord) -> Verdict:
    """Say what a run has shown so far.

    Args:
        run: The run; any of its trials may be missing.
    """
    evidence = evidence_of(run)
    if evidence is None:
        return Verdict("Too early for a verdict", (_missing(run),), {}, ())
    targets = tuple(map(evidence.target, DROPS))
    first = next((t for t in targets if "search" in t.needed), None)
    against = {kind: _judge(evidence, kind) for kind in ("by hand", *RIVALS) if kind in evidence.curves}
    sentences = [
        *_size_sentences(evidence, targets, first),
        *_range_sentences(evidence),
        *_judgement(evidence, against),
    ]
    heading = _tested_heading(run) if evidence.tested else _provisional_heading(run)
    return Verdict(heading, tuple(sentences), against, targets)


def _provisional_heading(run: RunRecord) -> str:
    trained = sum(t.origin in SEARCHED for t in run.complete)
    return f"Provisional: best of {counted(trained, 'trial')}, one seed"


def _tested_heading(run: RunRecord) -> str:
    seeds = [len(r.seeds) for r in run.retrained if r.accuracies]
    few, many = min(seeds), max(seeds)
    tested = f"Final: test {metric_words(run.metric)}"
    return f"{tested}, mean of {'' if few == many else f'{few} to '}{counted(many, 'seed')}"


def _missing(run: RunRecord) -> str:
    if run.baseline is None:
        return "The plain backbone has not finished, so there is nothing to compare with."
    size = format_count(run.baseline.params)
    metric = "" if run.metric == ACCURACY else f" {metric_words(run.metric)}"
    return (
        f"The backbone reached {run.baseline.accuracy:.1f} %{metric} with {size} parameters; "
        "no searched trial has finished yet."
    )


def _size_sentences(evidence: Evidence, targets: Sequence[Target], target: Target | None) -> list[str]:
    base = evidence.baseline
    backbone = f"the backbone's {evidence.metric} ({base.accuracy:.1f} %)"
    if target is None:
        most = targets[-1].drop
        return [f"The search found no model smaller than the backbone within {most:g} points of {backbone}."]
    need = target.needed["search"]
    where = f"At {backbone}" if not target.drop else f"Within {_drop(target)} of it ({target.accuracy:.1f} %)"
    others = [
        f"{evidence.names[kind]} needs {_amount(target.needed[kind])}"
        for kind in RIVALS
        if kind in target.needed
    ]
    fewer = base.params / need.params
    sentence = (
        f"{where} the search needs {_amount(need)} parameters{_range(evidence, target)}, "
        f"{fewer:.{0 if fewer >= 9.95 else 1}f}× fewer than the backbone's {format_count(base.params)}"
    )
    sentence += "; " + ", ".join(others) + "." if others else "."
    return [_not_reached(evidence, targets[0], backbone), sentence] if target.drop else [sentence]


def _not_reached(evidence: Evidence, target: Target, backbone: str) -> str:
    """Say that the search did not get there, and who did."""
    others = [
        f"{evidence.names[kind]} did with {_amount(target.needed[kind])}"
        for kind in RIVALS
        if kind in target.needed and evidence.has_smaller(kind, target.accuracy)
    ]
    none = f"No searched model smaller than the backbone reached {backbone}"
    return f"{none}; {', '.join(others)}." if others else f"{none}."


def _range(evidence: Evidence, target: Target) -> str:
    """The sizes at which the accuracy, one standard error lower and higher, is reached."""
    if evidence.error is None:
        return ""
    curve = evidence.curves["search"]
    low, high = curve.needed(target.accuracy - evidence.error), curve.needed(target.accuracy + evidence.error)
    if low is None:
        return ""
    first = ("≤ " if low.at_most else "") + format_count(low.params)
    return f" ({first} to {format_count(high.params)})" if high else f" ({first} or more)"


def _range_sentences(evidence: Evidence) -> list[str]:
    """How far the search is ahead of the best hand-picked models, whichever these are at a size."""
    kind = next((kind for kind in ("by hand", *RIVALS) if kind in evidence.curves), None)
    lead = None if kind is None else evidence.lead(kind)
    if kind is None or lead is None:
        return []
    low, high, smallest = map(format_count, (lead.low, lead.high, evidence.curves["search"].smallest))
    ahead = f"{abs(lead.mean):.2f} points {'ahead of' if lead.mean >= 0 else 'behind'} {evidence.names[kind]}"
    if lead.low == lead.high:
        said = [f"At {low} parameters the search is {ahead}."]
    else:
        mean = f"in the mean ({lead.least:+.2f} to {lead.most:+.2f})"
        said = [f"From {low} to {high} parameters the search is {ahead} {mean}."]
    if evidence.curves["search"].smallest < lead.low:
        said.append(f"With the searched models from {smallest} to {low} there is nothing to compare.")
    return said


def _judge(evidence: Evidence, kind: str) -> Against:
    """More accurate over the sizes that both have, and by more than chance?"""
    lead, error = evidence.lead(kind), evidence.error
    if lead is None:
        return "not beaten"
    if error is not None and _both_ways(lead, math.sqrt(2) * error):
        return "mixed"
    if lead.mean <= 0:
        return "not beaten"
    return "beat" if error is not None and lead.mean > lead.chance(error) else "unclear"


def _both_ways(lead: Lead, chance: float) -> bool:
    return lead.least < -chance and lead.most > chance


def _judgement(evidence: Evidence, against: dict[str, Against]) -> list[str]:
    """One sentence for each outcome; a kind is named where its outcome is another than that of the best."""
    best = against.get("by hand")
    said = {kind: found for kind, found in against.items() if kind == "by hand" or found != best}
    sentences = []
    for outcome, phrase in _PHRASES.items():
        named = [evidence.names[kind] for kind, found in said.items() if found == outcome]
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


def _drop(target: Target) -> str:
    return "1 point" if target.drop == 1 else f"{target.drop:g} points"
