"""What became of a trial, in words: the same on the terminal, in logs and in the report."""

from __future__ import annotations

from lcsearch.core.records import TrialRecord
from lcsearch.core.text import counted


def result_words(trial: TrialRecord) -> str:
    """Say what became of a trial, in one line."""
    last = trial.epochs[-1] if trial.epochs else None
    reached = f"{last.accuracy:.2f} % after {counted(last.epoch, 'epoch')}" if last else ""
    if trial.state == "complete" and trial.accuracy is not None:
        return f"{trial.accuracy:.2f} %"
    if trial.state == "pruned":
        guess = f", predicted {trial.predicted:.2f} %" if trial.predicted is not None else ""
        return f"stopped at {reached}{guess}" if reached else "stopped"
    if trial.state == "running":
        return f"running, {reached}" if reached else "running"
    return f"{trial.state}: {trial.reason}" if trial.reason else str(trial.state)
