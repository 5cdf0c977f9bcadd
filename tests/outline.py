"""What must be identical between two runs: everything but times and places."""

from __future__ import annotations

from lcsearch.core.records import TrialRecord


def outline(trials: tuple[TrialRecord, ...]) -> list[tuple[object, ...]]:
    """One tuple a trial; equal outlines mean identical runs."""
    return [
        (
            *(
                t.number,
                t.state,
                t.origin,
                t.label,
                t.spec,
                t.params,
                t.macs,
                t.accuracy,
                t.predicted,
                t.predicted_error,
            ),
            *(t.duplicate_of, t.parent, t.decisions, [(e.epoch, e.accuracy, e.train_loss) for e in t.epochs]),
        )
        for t in trials
    ]
