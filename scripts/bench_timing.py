"""Times of things that take turns, and the memory of a training step; for the scripts that measure layers."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import click
import torch
from torch import Tensor, nn


def seconds(run: Callable[[], Any], device: str) -> float:
    """Wall-clock seconds; with one CPU thread its own processor time, which other work disturbs less."""
    clock = time.process_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def compare(title: str, runs: Mapping[str, Callable[[], Any]], repeats: int, device: str) -> dict[str, float]:
    """Print each run's time over the first one's, round by round; returns the median ratios."""
    for run in runs.values():
        seconds(run, device)
    order, rounds, chance = list(runs), [], random.Random(0)
    for _ in range(repeats):
        chance.shuffle(order)  # what runs after what matters to small layers: caches
        rounds.append({name: seconds(runs[name], device) for name in order})
    first = next(iter(runs))
    base = statistics.median(r[first] for r in rounds)
    click.echo(f"{title}: {first} {1e3 * base:.2f} ms (median of {repeats})")
    medians = {}
    for name in list(runs)[1:]:
        ratios = sorted(r[name] / r[first] for r in rounds)
        medians[name] = statistics.median(ratios)
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        click.echo(f"  {name:28s} {medians[name]:.3f}   middle half {low:.3f} to {high:.3f}")
    return medians


def kept_bytes(model: nn.Module, step: Callable[[], Any], device: str) -> int:
    """Memory of a training step: parameters, gradients and momentum, and what autograd keeps or the peak."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated()
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        step()
    for parameter in model.parameters():
        seen.pop(parameter.untyped_storage().data_ptr(), None)
    return sum(seen.values()) + 3 * sum(4 * parameter.numel() for parameter in model.parameters())
