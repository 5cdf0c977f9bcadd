"""Where the parameters are: every layer of a trial against the same layer of the plain backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lcsearch.core.records import LayerCount, RunRecord, TrialRecord
from lcsearch.core.text import format_count, format_share
from lcsearch.report.points import front_line


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Kept share of parameters, layer by front model.

    Attributes:
        layers: Layer names in module order.
        trials: Front trials, smallest first.
        sizes: Their parameters.
        kept: One row a layer, one column a trial: kept / plain parameters; None where the layer or
            its plain counterpart is missing.
    """

    layers: tuple[str, ...]
    trials: tuple[int, ...]
    sizes: tuple[int, ...]
    kept: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of one trial, as a table shows it.

    Attributes:
        name: Module name.
        plain: Parameters of this layer in the plain backbone; None where it has no such layer.
        kept: Parameters in this trial.
        alpha: Primary filters / all filters in words; empty for a plain layer.
        coefficients: ``plain``, ``full``, ``rank r``, or the share that is zero.
    """

    name: str
    plain: int | None
    kept: int
    alpha: str
    coefficients: str


def plain_sizes(run: RunRecord) -> dict[str, int]:
    """Return the parameters of each layer of the plain backbone, trained or not."""
    for trial in run.trials:
        if trial.origin == "baseline":
            return {layer.name: layer.params for layer in trial.layers}
    return {}


def heat_map(run: RunRecord) -> HeatMap | None:
    """Return the kept share of each layer in each front model; None before there is a front."""
    plain = plain_sizes(run)
    by_number = {t.number: t for t in run.trials}
    front = [by_number[p.trial] for p in front_line(run.trials, "params")]
    layers = [name for name, params in plain.items() if params]
    if not front or not layers:
        return None
    columns = [_shares(trial, plain) for trial in front]
    return HeatMap(
        tuple(layers),
        tuple(t.number for t in front),
        tuple(t.params for t in front),
        tuple(tuple(column.get(name) for column in columns) for name in layers),
    )


def layer_rows(trial: TrialRecord, plain: Mapping[str, int]) -> tuple[LayerRow, ...]:
    """Return a trial's layers, in module order.

    Args:
        trial: The trial.
        plain: Parameters of each layer of the plain backbone.
    """
    return tuple(
        LayerRow(layer.name, plain.get(layer.name), layer.params, _alpha(layer), _coefficients(layer))
        for layer in trial.layers
    )


def detailed_trials(run: RunRecord, most_rows: int) -> tuple[TrialRecord, ...]:
    """Return the trials whose layers go into the page: the front and the hand-picked ones always.

    Args:
        run: The run.
        most_rows: Layers, summed over trials, at which no further trial is added.
    """
    needed = {p.trial for p in (*front_line(run.trials, "params"), *front_line(run.trials, "macs"))}
    needed |= {t.number for t in run.trials if t.origin in ("baseline", "uniform", "thinner")}
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


def heat_labels(data: HeatMap) -> tuple[str, ...]:
    """Return one short name per column: the trial and its size."""
    return tuple(f"#{n} · {format_count(size)}" for n, size in zip(data.trials, data.sizes, strict=True))


def _shares(trial: TrialRecord, plain: Mapping[str, int]) -> dict[str, float]:
    return {layer.name: layer.params / plain[layer.name] for layer in trial.layers if plain.get(layer.name)}


def _is_plain(layer: LayerCount) -> bool:
    return layer.family != "linear" or (layer.alpha == 1 and layer.rank is None and layer.sparsity is None)


def _alpha(layer: LayerCount) -> str:
    return "" if _is_plain(layer) else format_share(layer.alpha)


def _coefficients(layer: LayerCount) -> str:
    if _is_plain(layer):
        return "plain"
    if layer.rank is not None:
        return f"rank {layer.rank}"
    return "full" if layer.sparsity is None else f"{layer.sparsity:.0%} zero"
