"""Searches of ``bench_init.py``: from scratch against from the trained backbone, by epochs spent."""

from __future__ import annotations

import math
import multiprocessing
import statistics
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from init_contenders import DATASET, SEEDS, TRAIN_IMAGES, VALIDATION_IMAGES
from init_table import spread

from lcsearch.core.pareto import box_of, hypervolume
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.runs.read import read_run
from lcsearch.search import make as runs

BACKBONE, EPOCHS, FINE_TUNE_EPOCHS = "base", 3, 1
TRIALS = {"scratch": 24, "trained": 36}


def search(records: Path, image_size: int, jobs: int) -> None:
    """Do every search that is not done yet, some at a time; one that was stopped goes on."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        todo = [
            pool.submit(_search, _place(records, image_size, init, seed), image_size, init, seed)
            for seed in range(SEEDS)
            for init in TRIALS
        ]
        for done in as_completed(todo):
            print(done.result(), flush=True)


def _search(path: Path, image_size: int, init: str, seed: int) -> str:
    """Do one search, trial after trial: it gives the same every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = (path / "run.yaml").is_file()
    with runs.reopen(path) if begun else runs.create(_options(path, image_size, init, seed)) as session:
        problem = session.run()
        if problem is not None or session.director.interrupted:
            raise RuntimeError(problem or "interrupted; the same command goes on")
        session.finish()
    epochs, volume = curve(read_run(path))[-1]
    return f"{init}, seed {seed}: hypervolume {volume:.4f} after {epochs} epochs"


def _place(records: Path, image_size: int, init: str, seed: int) -> Path:
    return records.with_suffix(".searches") / f"{BACKBONE}-{image_size}-{init}-seed-{seed}"


def _options(path: Path, image_size: int, init: str, seed: int) -> dict[str, Any]:
    return {
        "backbone": BACKBONE,
        "dataset": DATASET,
        "train_images": TRAIN_IMAGES,
        "validation_images": VALIDATION_IMAGES,
        "image_size": image_size,
        "trials": TRIALS[init],
        "epochs": EPOCHS,
        "init": init,
        "fine_tune_epochs": FINE_TUNE_EPOCHS if init == "trained" else None,
        "device": "cpu",
        "jobs": 1,
        "seed": seed,
        "out": path,
    }


def curve(run: RunRecord, *, thinner: bool = True) -> list[tuple[float, float]]:
    """Epochs spent, screening included, and hypervolume, after each trial in the order of their ends.

    Args:
        run: A finished run.
        thinner: Whether thinner nets count, in epochs and in the front: they are trained for comparison.
    """
    ended = [t for t in run.trials if t.epochs and (thinner or t.origin != "thinner")]
    ended.sort(key=lambda trial: trial.epochs[-1].finished_at)
    spent, steps, complete = 0.0, [], []
    for trial in ended:
        spent += len(trial.epochs) + run.screened_for(trial)
        complete += [trial] if trial.state == "complete" else []
        steps.append((spent, volume(run, complete)))
    return steps


def volume(run: RunRecord, trials: list[TrialRecord]) -> float:
    """Hypervolume of some trials of a run, in the run's own box."""
    plain = run.baseline
    if plain is None or plain.accuracy is None:
        return 0.0
    box = box_of(plain.accuracy, plain.params, run.smallest_params)
    return hypervolume([(trial.accuracy or 0.0, trial.params) for trial in trials], box)


def guided(run: RunRecord) -> tuple[float, float]:
    """Epochs and hypervolume of the backbone and the models that sensitivity proposed, alone."""
    own = [t for t in run.trials if t.origin in ("baseline", "sensitivity") and t.state == "complete"]
    return sum(len(trial.epochs) for trial in own), volume(run, own)


def search_table(records: Path, image_size: int) -> str:
    """Both kinds of search side by side, as Markdown; seeds that are not done are left out."""
    pairs = []
    for seed in range(SEEDS):
        places = [_place(records, image_size, init, seed) for init in TRIALS]
        if all((place / "report.html").is_file() for place in places):
            pairs.append([read_run(place) for place in places])
    if not pairs:
        return "no pair of searches is finished yet"
    rows = [
        "| | epochs | hypervolume | epochs to the hypervolume from scratch | share of the epochs |",
        "|---|---:|---:|---:|---:|",
    ]
    for thinner, name in ((True, ""), (False, ", thinner nets left out")):
        scratch = [curve(one, thinner=thinner) for one, _ in pairs]
        trained = [curve(two, thinner=thinner) for _, two in pairs]
        needed = [_until(t, s[-1][1]) for s, t in zip(scratch, trained, strict=True)]
        shares = [n / s[-1][0] for n, s in zip(needed, scratch, strict=True)]
        rows += [_row(f"from scratch{name}", scratch, "", "")]
        rows += [_row(f"from the trained backbone{name}", trained, _mean(needed, 0), _mean(shares, 2))]
    alone = [guided(two) for _, two in pairs]
    parts = [v / curve(one, thinner=False)[-1][1] for (_, v), (one, _) in zip(alone, pairs, strict=True)]
    rows += [_row("backbone and 8 guided specs alone", [[step] for step in alone], "", "")]
    rows += ["", f"The guided specs alone reach {_mean(parts, 2)} of the hypervolume from scratch."]
    return "\n".join(rows)


def _row(name: str, curves: list[list[tuple[float, float]]], needed: str, share: str) -> str:
    epochs = statistics.mean(steps[-1][0] for steps in curves)
    reached = [100 * steps[-1][1] for steps in curves]
    return f"| {name} | {epochs:.0f} | {spread(reached)} % | {needed} | {share} |"


def _until(steps: list[tuple[float, float]], goal: float) -> float:
    return min((spent for spent, reached in steps if reached >= goal), default=math.inf)


def _mean(values: list[float], digits: int) -> str:
    """The mean, and every value, since some may be infinite: never reached."""
    each = ", ".join("never" if math.isinf(value) else f"{value:.{digits}f}" for value in values)
    if any(map(math.isinf, values)):
        return each
    return f"{statistics.mean(values):.{digits}f} ({each})"
