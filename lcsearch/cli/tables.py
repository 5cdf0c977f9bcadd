"""The front as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from lcsearch.core.records import HAND_PICKED, TrialRecord
from lcsearch.core.text import format_count, format_share
from lcsearch.layers import lookup
from lcsearch.runs.choose import front_of


def front_table(trials: Sequence[TrialRecord], chosen: int | None = None, metric: str = "accuracy") -> Table:
    """The front by rising parameters, then what hand-picking gave.

    Where models were cut out of a backbone, ``before`` is their accuracy before they were fine-tuned.

    Args:
        trials: Every trial of a run.
        chosen: The trial that best.yaml holds; it gets a star.
        metric: What people call an accuracy of the run.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    shown = [*front_of(trials), *(trial for _, trial in _hand_picked(trials))]
    tuned = any(trial.accuracy_before is not None for trial in shown)
    names = ("trial", metric, *(["before"] if tuned else []), "params", "smaller", "macs")
    baseline = _baseline(trials)
    front = [_row(trial, baseline, tuned, star=trial.number == chosen) for trial in front_of(trials)]
    hand_picked = [_row(trial, baseline, tuned, name=name) for name, trial in _hand_picked(trials)]
    for place, name in enumerate(names):
        widest = max((len(row[place]) for row in (*front, *hand_picked)), default=0)
        table.add_column(name, justify="right", no_wrap=True, min_width=max(widest, len(name)))
    table.add_column("model", overflow="ellipsis", no_wrap=True)
    for row in front:
        table.add_row(*row)
    table.add_section()
    for row in hand_picked:
        table.add_row(*row)
    return table


def _hand_picked(trials: Sequence[TrialRecord]) -> list[tuple[str, TrialRecord]]:
    """The baseline, and of each hand-picked kind the most accurate."""
    rows = []
    for origin in HAND_PICKED:
        done = [t for t in trials if t.origin == origin and t.state == "complete" and t.accuracy is not None]
        if done:
            best = max(done, key=lambda t: (t.accuracy or 0.0, -t.params))
            rows.append((best.label if origin == "baseline" else f"best {best.label}", best))
    return rows


def _row(
    trial: TrialRecord, baseline: TrialRecord | None, tuned: bool, *, star: bool = False, name: str = ""
) -> list[str]:
    smaller = f"{baseline.params / trial.params:.1f}x" if baseline is not None else ""
    before = trial.accuracy_before
    return [
        f"{'*' if star else ''}{trial.number}",
        f"{trial.accuracy:.2f} %",
        *([f"{before:.2f} %" if before is not None else "–"] if tuned else []),
        format_count(trial.params),
        smaller,
        format_count(trial.macs),
        name or trial.label or short_words(trial),
    ]


def short_words(trial: TrialRecord) -> str:
    """Shares of channels, and the replaced layers in module order, by family, in a few characters each."""
    kinds: dict[str, list[str]] = {}
    for layer in trial.spec.model.layers.values():
        kinds.setdefault(layer.family, []).append(lookup.family_of(layer).short(layer))
    rows = [f"{lookup.family(kind).short_of or kind} {' '.join(words)}" for kind, words in kinds.items()]
    shares = sorted(trial.spec.model.channels.values())
    if shares:
        ends = dict.fromkeys(format_share(share) for share in (shares[0], shares[-1]))
        rows.insert(0, f"channels {' to '.join(ends)}")
    return ", ".join(rows) or "plain"


def _baseline(trials: Sequence[TrialRecord]) -> TrialRecord | None:
    return next((t for t in trials if t.origin == "baseline" and t.state == "complete"), None)
