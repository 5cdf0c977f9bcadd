"""Invented runs of vgg11: real sizes, invented accuracies, a sampler that gets better."""

from __future__ import annotations

import math
import random
from dataclasses import asdict, replace
from pathlib import Path

from lcsearch.core.records import Decision, EpochRecord, LayerCount, RetrainRecord, RunRecord, TrialRecord
from lcsearch.core.spec import LayerSpec, ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.runs.choose import front_of

EPOCHS = 4
START = 1_750_000_000.0

# vgg11's layers: name, in and out channels, image side.
LAYERS = (
    ("features.0", 3, 64, 32), ("features.4", 64, 128, 16), ("features.8", 128, 256, 8),
    ("features.11", 256, 256, 8), ("features.15", 256, 512, 4), ("features.18", 512, 512, 4),
    ("features.22", 512, 512, 2), ("features.25", 512, 512, 2),
)  # fmt: skip
WORTH = (1.0, 0.8, 0.6, 0.4, 0.15, 0.02, -0.05, -0.06)
"""Points of accuracy that each layer loses, in this invention, for each halving of its filters, times 1/2."""


def invented_trial(
    number: int, layers: dict[str, LayerSpec], width: float = 1.0, weight: float = 0.0
) -> TrialRecord:
    """A complete trial whose sizes are vgg11's and whose accuracy is a smooth invention plus noise."""
    counts = [_count(name, i, o, side, layers.get(name), width) for name, i, o, side in LAYERS]
    counts.append(LayerCount("classifier", "dense", round(512 * width) * 10 + 10, 5120))
    noise = random.Random(number)
    loss = sum(w * _squeeze(layers.get(row[0])) for w, row in zip(WORTH, LAYERS, strict=True))
    final = (
        93.2
        - 0.35 * loss
        - 1.1 * math.log2(1 / width) ** 1.3
        + noise.gauss(0, 0.12)
        + (0.1 if weight else 0.0)
    )
    steps = [final - 14 * 0.35**e + noise.gauss(0, 0.3) for e in range(EPOCHS - 1)] + [final]
    start = START + 41 * (number // 2) + 7 * (number % 2)
    return TrialRecord(
        number, "complete", "sampler", "",
        TrialSpec(ModelSpec("vgg11", 10, 3, width, layers), Regularizer(weight), Recipe(epochs=EPOCHS)),
        params=sum(c.params for c in counts) + 5_504, macs=sum(c.macs for c in counts), layers=tuple(counts),
        accuracy=round(max(steps[-1], 10), 2),
        epochs=tuple(
            EpochRecord(e + 1, round(max(a, 10), 2), 2.3 * 0.4**e, 9.0, start + 10 * (e + 1))
            for e, a in enumerate(steps)
        ),
        started_at=start, finished_at=start + 10 * EPOCHS + 0.5, worker=f"worker {number % 2}",
    )  # fmt: skip


def _squeeze(layer: LayerSpec | None) -> float:
    if layer is None:
        return 0.0
    return math.log2(1 / layer.alpha) ** 1.5 + (0.4 if layer.rank else 0.0) + (layer.sparsity or 0.0)


def _count(
    name: str, inputs: int, outputs: int, side: int, layer: LayerSpec | None, width: float
) -> LayerCount:
    inputs, outputs = round(inputs * width) if inputs > 3 else inputs, round(outputs * width)
    full = 9 * inputs * outputs
    if layer is None:
        return LayerCount(name, "conv", full + outputs, full * side * side)
    primary = max(1, round(layer.alpha * outputs))
    secondary = outputs - primary
    made = secondary * primary
    if layer.rank is not None:
        made = layer.rank * outputs
    elif layer.sparsity is not None:
        made = round((1 - layer.sparsity) * made)
    kept = min(full, 9 * inputs * primary + made)
    macs = min(full, 9 * inputs * primary + secondary * primary) * side * side
    return LayerCount(name, "linear", kept + outputs, macs, asdict(layer))


def invented_run(trials: int, *, retrained: bool = False, name: str = "runs/example") -> RunRecord:
    """A run with so many trials: the backbone, hand-picked ones, then a sampler with stops and failures."""
    made = [replace(invented_trial(0, {}), origin="baseline", label="backbone")]
    for share in (2, 4, 8):
        layers = {row[0]: LinearSpec(1 / share) for row in LAYERS[1:]}
        uniform = replace(
            invented_trial(len(made), layers), origin="uniform", label=f"uniform alpha 1/{share}"
        )
        made.append(uniform)
        thinner = invented_trial(len(made), {}, width=(uniform.params / made[0].params) ** 0.5)
        made.append(replace(thinner, origin="thinner", label=f"width {thinner.spec.model.width:.2f}"))
    made += [_searched(number, trials) for number in range(len(made), trials)]
    made = made[:trials]
    settings = {"backbone": "vgg11", "dataset": "fashion-mnist", "validation_images": 5000, "seed": 0}
    final = tuple(_retrained(made)) if retrained else ()
    return RunRecord(Path(name), {"version": 1, "settings": settings}, 31_000, tuple(made), final)


def _searched(number: int, trials: int) -> TrialRecord:
    chance = random.Random(1000 + number)
    skill = min(1.0, number / min(trials, 300))
    layers = {}
    for place, row in enumerate(LAYERS):
        typical = 1 - 0.12 * place if chance.random() < skill else chance.random()
        alpha = 2 ** (-6 * min(1.0, max(0.0, 1 - typical + chance.gauss(0, 0.2))))
        kind = chance.choice(("full", "low_rank", "sparse"))
        rank = chance.randint(2, 24) if kind == "low_rank" else None
        sparsity = round(chance.uniform(0.25, 0.9), 2) if kind == "sparse" else None
        if alpha < 0.9 and place:
            layers[row[0]] = LinearSpec(round(alpha, 4), rank, sparsity)
    trial = invented_trial(
        number, layers, weight=10 ** chance.uniform(-5, -1) if chance.random() < 0.7 else 0.0
    )
    if number % 41 == 40:
        return replace(
            trial, state="failed", accuracy=None, reason="loss became nan in epoch 2", epochs=trial.epochs[:1]
        )
    if number % 29 == 28:
        return replace(
            trial, state="rejected", accuracy=None, epochs=(), reason="over max_params", started_at=None
        )
    if trial.accuracy is not None and trial.accuracy < 91.8 and number % 3:
        decision = Decision(1, False, "dominated at the rung", (0, 1))
        stopped = replace(trial, state="pruned", predicted=trial.accuracy, accuracy=None)
        return replace(stopped, epochs=trial.epochs[:1], decisions=(decision,))
    return trial


def _retrained(trials: list[TrialRecord]) -> list[RetrainRecord]:
    chosen = {t.number: t for t in [*front_of(trials)[::3], *trials[:5]]}
    made = []
    for trial in chosen.values():
        noise = random.Random(trial.number)
        tests = tuple(round((trial.accuracy or 0) + 0.6 + noise.gauss(0, 0.15), 2) for _ in range(3))
        made.append(RetrainRecord(trial.number, 30, (0, 1, 2), tests, 10_000))
    return made
