"""Where the time of a training goes, on a clock that ticks whenever it is read."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import torch
from torch import nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.core.stopwatch import Stopwatch, measured
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.train import train

EPOCHS, STEPS, BATCH = 3, 5, 8
TICK = 1e-9


def some(images: int) -> Split:
    drawn = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (images, 1, 8, 8), generator=drawn, dtype=torch.uint8)
    return Split(pixels, torch.arange(images) % 2)


def test_each_part_of_each_step_is_counted_once_and_all_of_it_is_the_time_of_the_worker(
    tmp_path: Path,
) -> None:
    info = DatasetInfo("drawn", 2, 1, 8, (0.5,), (0.3,), False, 1)
    data = SearchData(info, some(STEPS * BATCH), some(20))
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    reads = count()
    watch = Stopwatch(clock=lambda: next(reads))
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH)
    with measured(watch):
        train(
            model,
            data,
            recipe,
            Regularizer(),
            seed=1,
            checkpoint=tmp_path / "checkpoint.pt",
            start=lambda model: None,
        )
    spent = {phase: round(seconds / TICK) for phase, seconds in watch.seconds().items()}
    steps = EPOCHS * STEPS
    assert {phase: ticks for phase, ticks in spent.items() if phase != "other"} == {
        "data": steps + EPOCHS,  # one look in each epoch finds that there is no more
        "forward": steps,
        "backward": steps,
        "optimizer": 2 * steps,  # its step; then pruning and the average
        "evaluation": EPOCHS + 1,  # also before the first epoch, where other weights are taken over
        "fitting": 1,
        "building": 1,
        "checkpoint": EPOCHS,
    }
    assert sum(spent.values()) == next(reads) - 1
