"""Training loops that train nothing, for `lcsearch.search`; worker processes import them by name."""

from __future__ import annotations

import errno
import math
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import lcsearch


def net(num_classes: int, in_channels: int, width: float = 1.0) -> nn.Module:
    """A backbone that is built and counted in no time."""
    a, b = round(16 * width), round(32 * width)
    return nn.Sequential(
        nn.Conv2d(in_channels, a, 3), nn.ReLU(), nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, b, 3),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(b, num_classes),
    )  # fmt: skip


def size_of(spec: lcsearch.TrialSpec) -> float:
    """The alphas of LinearConv layers, and a tenth for each layer of another family."""
    return sum(getattr(layer, "alpha", 0.1) for layer in spec.model.layers.values())


def smooth(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> dict[str, float]:
    """Accuracy as a smooth function of size, seed and epoch, some milliseconds an epoch."""
    kept = size_of(spec)
    accuracy = 0.0
    for epoch in range(1, spec.recipe.epochs + 1):
        time.sleep(0.004)
        accuracy = 90 - 20 * math.exp(-epoch) - kept + (report.seed % 97) / 97
        if not report(epoch, accuracy, train_loss=1.0):
            break
    return {"accuracy": accuracy, "kept": kept, "drawn": torch.rand(()).item()}


def chained(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> float:
    """Each accuracy follows from the one before; goes on from its checkpoint, and notes where it began."""
    done, state = 0, report.seed
    if report.checkpoint.exists():
        done, state = map(int, report.checkpoint.read_text().split())
    with (report.directory / "begun").open("a") as file:
        file.write(f"{done} ")
    size = size_of(spec)
    for epoch in range(max(done, 1), spec.recipe.epochs + 1):
        if epoch > done:
            time.sleep(0.004)
            state = (state * 1_103_515_245 + 12_345) % 2**31
            part = report.checkpoint.with_suffix(".part")
            part.write_text(f"{epoch} {state}")
            part.replace(report.checkpoint)
        accuracy = 90 - 20 * math.exp(-epoch) - size + (state % 9973) / 9973
        if not report(epoch, accuracy):
            break
    return accuracy


def odd(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> Any:
    """Each trial goes wrong, or right, in a way of its own."""
    results: list[Any] = [np.float32(91.5), torch.tensor(92.5), {"accuracy": 93, "note": "x"}]
    results += [math.nan, {}, None, "high", 930.0, {"loss": 1.0}]
    if report.trial == 9:
        report(0, 50.0)
    if report.trial == 10:
        raise ValueError("ten is\nno good")
    if report.trial == 11:
        assert not report(1, math.nan) and not report(2, 90.0)
        return None
    return results[report.trial] if report.trial < len(results) else 90.0


def mortal(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> dict[str, float]:
    """Trial 1 is killed at its first attempt, trial 2 dies of a segmentation fault at each."""
    report(1, 80.0)
    if report.trial == 1 and report.attempt == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if report.trial == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return {"accuracy": 80.0, "attempt": float(report.attempt)}


def greedy(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> float:
    """Trial 2 finds no room for its checkpoint while a file named ``full`` lies beside the run."""
    run = report.directory.parents[1]
    if report.trial == 2 and (run.parent / "full").exists():
        raise OSError(errno.ENOSPC, "No space left on device", str(report.checkpoint))
    return float(smooth(spec, report)["accuracy"])


def bulky(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> float:
    """Really writes, so that a small disk fills."""
    (report.directory / "log").write_bytes(os.urandom(150_000))
    return float(smooth(spec, report)["accuracy"])


def careful(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> float:
    """Goes on from its own checkpoint; notes where it began."""
    done = int(report.checkpoint.read_text()) if report.checkpoint.exists() else 0
    with Path(report.directory / "begun").open("a") as file:
        file.write(f"{done} ")
    for epoch in range(max(done, 1), spec.recipe.epochs + 1):
        report.checkpoint.write_text(str(epoch))
        if not report(epoch, 80.0 + epoch):
            break
        if report.trial == 0 and epoch == 2 and report.attempt == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return 80.0 + spec.recipe.epochs


def smooth_on(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport, images: object) -> dict[str, float]:
    """The same, with images that travel with it as an argument of `functools.partial`."""
    return smooth(spec, report)


def cut_mildly(model: lcsearch.ModelSpec, layers: Sequence[str], groups: Sequence[str]) -> float:
    """Accuracy where mild cuts of several kinds lose less than a hard cut of one.

    Each cut loses by the square of its logarithm, the early ones most. For ``vgg11`` at 150,000 parameters:
    about 88.4 thinner by one factor, as much with alpha alone, 89.3 with half of both, as was measured.

    Args:
        model: Where layers and groups of channels that are not named keep all.
        layers: All convolutions, in module order.
        groups: All groups of channels, in module order.
    """
    lost = 0.0
    for place, name in enumerate(layers):
        early = 1.6 - 1.2 * place / len(layers)
        if name in model.layers:
            lost += 0.12 * early * math.log(model.layers[name].alpha) ** 2 / len(layers)
    for place, name in enumerate(groups):
        early = 1.4 - 0.8 * place / len(groups)
        lost += 0.5 * early * math.log(model.channels.get(name, 1.0)) ** 2 / len(groups)
    return 90.5 - lost
