"""Every layer of a trial against the same layer of the plain backbone, as a table shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lcsearch.core.records import HAND_PICKED, LayerCount, RunRecord, TrialRecord
from lcsearch.layers import lookup
from lcsearch.report.points import front_line

TABLE_HEAD = ("channels", "amount", "kind")
"""What the cells of a choice are."""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of one trial.

    Attributes:
        name: Module name.
        plain: Parameters of this layer in the plain backbone; None where it has no such layer.
        kept: Parameters in this trial.
        choice: How many of its output channels stayed, if not all, and how its filters are made, in as many
            cells as `TABLE_HEAD` has.
    """

    name: str
    plain: int | None
    kept: int
    choice: tuple[str, ...]


def plain_layers(run: RunRecord) -> dict[str, LayerCount]:
    """Return each layer of the plain backbone, trained or not."""
    for trial in run.trials:
        if trial.origin == "baseline":
            return {layer.name: layer for layer in trial.layers}
    return {}


def plain_sizes(run: RunRecord) -> dict[str, int]:
    """Return the parameters of each layer of the plain backbone, trained or not."""
    return {name: layer.params for name, layer in plain_layers(run).items()}


def layer_rows(trial: TrialRecord, plain: Mapping[str, LayerCount]) -> tuple[LayerRow, ...]:
    """Return a trial's layers, in module order.

    Args:
        trial: The trial.
        plain: Each layer of the plain backbone.
    """
    return tuple(_row(layer, plain.get(layer.name)) for layer in trial.layers)


def _row(layer: LayerCount, plain: LayerCount | None) -> LayerRow:
    whole = None if plain is None else plain.outputs
    stayed = "" if layer.outputs in (None, whole) or whole is None else f"{layer.outputs} of {whole}"
    size = None if plain is None else plain.params
    return LayerRow(layer.name, size, layer.params, (stayed, *lookup.cells(layer)))


def detailed_trials(run: RunRecord, most_rows: int) -> tuple[TrialRecord, ...]:
    """Return the trials whose layers go into the page: the front and the hand-picked ones always.

    Args:
        run: The run.
        most_rows: Layers, summed over trials, at which no further trial is added.
    """
    needed = {p.trial for p in (*front_line(run.trials, "params"), *front_line(run.trials, "macs"))}
    needed |= {t.number for t in run.trials if t.origin in HAND_PICKED}
    needed |= {r.trial for r in run.retrained}
    chosen = [t for t in run.trials if t.number in needed]
    rows = sum(len(t.layers) for t in chosen)
    for trial in sorted(run.trials, key=lambda t: -(t.accuracy or 0)):
        if trial.number in needed or not trial.layers:
            continue
        rows += len(trial.layers)
        if rows > most_rows:
            break
        chosen.append(trial)
    return tuple(sorted(chosen, key=lambda t: t.number))
