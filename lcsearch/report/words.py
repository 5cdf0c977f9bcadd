"""A trial in words: what hovers and panels say about it. Nothing here is escaped yet."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import TrialSpec
from lcsearch.core.text import format_count, format_share
from lcsearch.core.words import result_words
from lcsearch.layers import lookup

MOST_LINES = 9
"""A hover that is longer than this hides the plot that it explains."""

_LINE_LENGTH = 46


def choice_words(spec: TrialSpec) -> tuple[str, ...]:
    """Say what a spec chooses, layers of one kind in one line."""
    lines = []
    if spec.model.width != 1:
        lines.append(f"width {format_share(spec.model.width)}")
    thinned: dict[str, list[str]] = {}
    for name, share in spec.model.channels.items():
        thinned.setdefault(f"channels {format_share(share)}", []).append(name)
    lines += [f"{words}: {', '.join(names)}" for words, names in thinned.items()]
    groups: dict[str, list[str]] = {}
    for name, layer in spec.model.layers.items():
        groups.setdefault(lookup.family_of(layer).words(layer), []).append(name)
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
    if trial.trainable != trial.params:
        size = f"{format_count(trial.trainable)} trainable of {size}"
    repeated = [] if trial.duplicate_of is None else [f"the same model as trial {trial.duplicate_of}"]
    before = trial.accuracy_before
    how = "trained on from" if trial.continues else "cut out of"
    whence = "" if trial.parent is None else f"{how} trial {trial.parent}, "
    when = "that" if trial.continues else "fine-tuning"
    started = [] if before is None else [f"{whence}{before:.2f} % before {when}"]
    plain = [] if trial.plain_accuracy is None else [f"plain accuracy {trial.plain_accuracy:.2f} %"]
    lines = [title, result_words(trial), *plain, *started, size, *repeated, *choice_words(trial.spec)]
    wrapped = list(_wrap(lines))
    if len(wrapped) <= MOST_LINES:
        return tuple(wrapped)
    return (*wrapped[: MOST_LINES - 1], "… click for every layer")


def _wrap(lines: Iterable[str]) -> Iterable[str]:
    """Break lines at spaces; a word that is too long alone is cut."""
    for line in lines:
        words = " ".join(
            word if len(word) <= _LINE_LENGTH else word[: _LINE_LENGTH - 1] + "…" for word in line.split()
        )
        yield from textwrap.wrap(
            words, _LINE_LENGTH, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
        )
