"""The rows of the table of a run's front."""

from __future__ import annotations

from collections import Counter

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs.choose import front_of


def front_rows(run: RunRecord) -> list[TrialRecord]:
    """The front, smallest first, and the backbone last where it is not on it."""
    front, baseline = front_of(run.trials), run.baseline
    if not front or baseline is None or baseline.number in {t.number for t in front}:
        return front
    return [*front, baseline]


def families_words(run: RunRecord) -> str | None:
    """Say how many models of the front have layers of each family; None where all are plain nets."""
    front = front_of(run.trials)
    families = [{layer.family for layer in trial.spec.model.layers.values()} for trial in front]
    counts = Counter(family for own in families for family in sorted(own))
    if not counts:
        return None
    parts = [f"{count} with {family} layers" for family, count in counts.most_common()]
    plain = sum(not own for own in families)
    parts += [f"{plain} of plain convolutions alone"] if plain else []
    return f"Models of the front: {', '.join(parts)}."
