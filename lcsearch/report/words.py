"""A trial in words: what hovers, tables and labels say about it. Nothing here is escaped yet."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import LayerSpec, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.report.starting import accuracy_before

MOST_LINES = 9
"""A hover that is longer than this hides the plot that it explains."""

_LINE_LENGTH = 46


def share_words(value: float) -> str:
    """Write a share as a fraction where it is 1/n, else with two significant digits: ``1/4``, ``0.37``."""
    if value > 0:
        parts = round(1 / value)
        if parts >= 1 and math.isclose(value * parts, 1, abs_tol=1e-3):
            return "1" if parts == 1 else f"1/{parts}"
    return f"{value:.2g}"


def layer_words(layer: LayerSpec) -> str:
    """Say how one layer's filters are made, such as ``alpha 1/4, rank 10``."""
    if layer.family == "conv":
        return "plain"
    words = f"alpha {share_words(layer.alpha)}"
    if layer.rank is not None:
        return f"{words}, rank {layer.rank}"
    if layer.sparsity is not None:
        return f"{words}, {layer.sparsity:.0%} of coefficients zero"
    return words


def result_words(trial: TrialRecord) -> str:
    """Say what became of a trial, in one line."""
    last = (
        f"{trial.epochs[-1].accuracy:.2f} % after {_epochs(trial.epochs[-1].epoch)}" if trial.epochs else ""
    )
    if trial.state == "complete" and trial.accuracy is not None:
        return f"{trial.accuracy:.2f} %"
    if trial.state == "pruned":
        guess = f", predicted {trial.predicted:.2f} %" if trial.predicted is not None else ""
        return f"stopped at {last}{guess}" if last else "stopped"
    if trial.state == "running":
        return f"running, {last}" if last else "running"
    return f"{trial.state}: {trial.reason}" if trial.reason else str(trial.state)


def choice_words(spec: TrialSpec) -> tuple[str, ...]:
    """Say what a spec chooses, layers of one kind in one line."""
    lines = []
    if spec.model.width != 1:
        lines.append(f"width {share_words(spec.model.width)}")
    groups: dict[str, list[str]] = {}
    for name, layer in spec.model.layers.items():
        groups.setdefault(layer_words(layer), []).append(name)
    if not groups:
        lines.append("every convolution plain")
    for words, names in groups.items():
        lines.append(f"{words}: {', '.join(names)}")
    if spec.regularizer.weight:
        lines.append(f"regularizer weight {spec.regularizer.weight:.2g}")
    return tuple(lines)


def trial_words(trial: TrialRecord) -> tuple[str, ...]:
    """Say everything a hover shows about a trial, in at most `MOST_LINES` short lines."""
    title = f"trial {trial.number}" + (f": {trial.label}" if trial.label else "")
    size = f"{format_count(trial.params)} parameters, {format_count(trial.macs)} MACs"
    repeated = [] if trial.duplicate_of is None else [f"the same model as trial {trial.duplicate_of}"]
    before = accuracy_before(trial)
    whence = "" if trial.parent is None else f"cut out of trial {trial.parent}, "
    started = [] if before is None else [f"{whence}{before:.2f} % before fine-tuning"]
    lines = [title, result_words(trial), *started, size, *repeated, *choice_words(trial.spec)]
    wrapped = list(_wrap(lines))
    if len(wrapped) <= MOST_LINES:
        return tuple(wrapped)
    return (*wrapped[: MOST_LINES - 1], "… click for every layer")


def _wrap(lines: Iterable[str]) -> Iterable[str]:
    """Break lines at spaces; a word that is too long alone is cut."""
    for line in lines:
        current = ""
        for word in line.split():
            short = word if len(word) <= _LINE_LENGTH else word[: _LINE_LENGTH - 1] + "…"
            if current and len(current) + 1 + len(short) > _LINE_LENGTH:
                yield current
                current = "   " + short
            else:
                current = f"{current} {short}" if current else short
        yield current


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
