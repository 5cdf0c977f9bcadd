"""Trials and runs made by hand, whose numbers tests work out by hand."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.records import EpochRecord, LayerCount, Origin, RunRecord, State, TrialRecord
from lcsearch.core.spec import LayerSpec, ModelSpec, Regularizer, TrialSpec


def make_trial(
    number: int,
    accuracy: float | None = None,
    params: int = 1000,
    origin: Origin = "sampler",
    state: State = "complete",
    *,
    macs: int | None = None,
    epochs: tuple[float, ...] | None = None,
    layers: dict[str, LayerSpec] | None = None,
    counts: tuple[tuple[str, int], ...] = (),
    weight: float = 0.0,
    start: float | None = None,
    **changes: object,
) -> TrialRecord:
    """A trial; its epochs take 10 s each from ``start`` on."""
    curve = epochs if epochs is not None else (() if accuracy is None else (accuracy,))
    begin = 100.0 * number if start is None else start
    fields: dict[str, object] = {
        "started_at": begin if curve else None,
        "finished_at": begin + 10 * len(curve) if curve else None,
        "worker": "w0",
    } | changes
    return TrialRecord(
        number,
        state,
        origin,
        str(fields.pop("label", "")),
        TrialSpec(ModelSpec("net", 10, 3, 1.0, layers or {}), Regularizer(weight)),
        params,
        macs if macs is not None else params * 10,
        tuple(LayerCount(name, "conv", size, size) for name, size in counts),
        accuracy,
        epochs=tuple(EpochRecord(i + 1, a, 1.0, 10.0, begin + 10 * (i + 1)) for i, a in enumerate(curve)),
        **fields,  # type: ignore[arg-type]
    )


def make_run(*trials: TrialRecord, images: int | None = 10_000, **changes: object) -> RunRecord:
    settings = {"settings": {"backbone": "net", "dataset": "digits"}, "facts": {"validation_images": images}}
    return RunRecord(Path("runs/hand made"), settings, 100, trials, **changes)  # type: ignore[arg-type]
