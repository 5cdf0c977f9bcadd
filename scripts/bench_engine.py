#!/usr/bin/env python
"""Measure what the Ray engine costs, with objectives that sleep instead of training.

Each part runs on a Ray of its own on this machine, with as many simulated slots as it needs: a slot
reserves one of Ray's CPUs, and a sleeping objective uses none.

    python scripts/bench_engine.py                      # all four parts, about 12 minutes
    python scripts/bench_engine.py overhead throughput  # some of them
    python scripts/bench_engine.py --json engine.json   # and the numbers in a file

overhead    seconds from a job's hand-out to its first epoch, less the objective's own, one slot:
            the first trial, which starts a worker, and those that reuse it. At most 0.3 s is wanted.
throughput  200 trials on 8 slots, of 2 to 6 s and again of 4 to 12 s, against the sum of their seconds
            over 8: from the first hand-out, so that the start of 8 workers is in it, and with the start
            of Ray. At least 85 % is wanted.
memory      the driver's resident memory while 2,000 trials pass.
decisions   seconds that the real search takes to propose a trial, and to decide at an epoch, while
            trials pile up: they are spent in the driver, while workers wait.
"""

# ruff: noqa: D102
from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcsearch.core.job import Job, Metrics, Objective, Report, Verdict
from lcsearch.core.look import Work
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.engines import Director, EngineSettings
from lcsearch.engines.ray.engine import RayEngine

SPEC = TrialSpec(ModelSpec("base", 10, 1))
SLOTS = 8


@dataclass(frozen=True)
class Sleep:
    """Sleeps through its epochs, longer or shorter by the trial's number."""

    seconds: float
    epochs: int = 4

    def of(self, number: int) -> float:
        """Seconds of one trial: from half to one and a half times the mean."""
        return self.seconds * (0.5 + (number * 37 % 101) / 100)

    def __call__(self, job: Job, report: Report) -> Mapping[str, float]:
        for epoch in range(1, self.epochs + 1):
            time.sleep(self.of(job.number) / self.epochs)
            if not report(epoch, {"accuracy": 50.0 + (job.seed * 7919 % 1000) / 50 + epoch, "seconds": 0.0}):
                break
        return {"accuracy": 50.0 + (job.seed * 7919 % 1000) / 50 + epoch}


@dataclass
class Counter:
    """A director that hands out so many jobs, and notes when things happen."""

    trials: int
    run: Path
    after: Callable[[int], None] = lambda ended: None
    handed: dict[int, float] = field(default_factory=dict)
    first_epoch: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return len(self.ended) == self.trials

    def next_job(self) -> Work | None:
        number = len(self.handed)
        if number == self.trials:
            return None
        self.handed[number] = time.perf_counter()
        return Job(number, 0, number, SPEC, str(self.run / "trials" / str(number)), False)

    def on_started(self, number: int, worker: str) -> None: ...

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        self.first_epoch.setdefault(number, time.perf_counter())
        return Verdict.GO_ON

    def on_complete(self, number: int, metrics: Metrics) -> None:
        self.ended[number] = time.perf_counter()
        self.after(len(self.ended))

    def on_suspended(self, number: int) -> None: ...

    def on_failed(self, number: int, reason: str) -> None:
        raise RuntimeError(reason)

    def on_lost(self, number: int, reason: str) -> None:
        raise RuntimeError(reason)

    def on_spent(self, number: int, seconds: Metrics) -> None: ...

    def tick(self) -> None: ...


def drive(run: Path, slots: int, director: Director, objective: Objective) -> None:
    with closing(RayEngine(EngineSettings(run, jobs=slots))) as engine:
        engine.prepare(objective)
        engine.run(director, objective)


def overhead(run: Path, trials: int = 50) -> dict[str, Any]:
    director, objective = Counter(trials, run), Sleep(0.2, epochs=1)
    drive(run, 1, director, objective)
    costs = [director.first_epoch[n] - director.handed[n] - objective.of(n) for n in range(trials)]
    reused = sorted(costs[1:])
    return {
        "first_trial_s": costs[0],
        "reused_median_s": statistics.median(reused),
        "reused_p95_s": reused[int(0.95 * len(reused))],
        "reused_max_s": reused[-1],
    }


def throughput(run: Path, trials: int = 200) -> dict[str, Any]:
    return {
        f"trials of {0.5 * seconds:g} to {1.5 * seconds:g} s": _throughput(
            run / str(seconds), trials, seconds
        )
        for seconds in (4.0, 8.0)
    }


def _throughput(run: Path, trials: int, seconds: float) -> dict[str, float]:
    run.mkdir()
    director, objective = Counter(trials, run), Sleep(seconds)
    begin = time.perf_counter()
    drive(run, SLOTS, director, objective)
    ideal = sum(objective.of(n) for n in range(trials)) / SLOTS
    last, first = max(director.ended.values()), min(director.handed.values())
    busy = sorted(at - objective.of(n) / objective.epochs for n, at in director.first_epoch.items())
    return {
        "ideal_s": ideal,
        "slots_busy_after_s": busy[SLOTS - 1] - first,
        "trials_s": last - first,
        "everything_s": time.perf_counter() - begin,
        "share_of_ideal": ideal / (last - first),
        "share_of_ideal_once_busy": _share_once_busy(director, objective, busy[SLOTS - 1]),
        "share_of_ideal_with_start_of_ray": ideal / (time.perf_counter() - begin),
    }


def _share_once_busy(director: Counter, objective: Sleep, begin: float) -> float:
    """Seconds slept after this moment, over the seconds that 8 slots had until the last trial ended."""
    slept = sum(min(objective.of(n), max(0.0, end - begin)) for n, end in director.ended.items())
    return slept / (SLOTS * (max(director.ended.values()) - begin))


def memory(run: Path, trials: int = 2000) -> dict[str, Any]:
    resident: dict[int, float] = {}

    def look(ended: int) -> None:
        if ended % 200 == 0:
            resident[ended] = resident_mib()

    director = Counter(trials, run, look)
    begin = time.perf_counter()
    drive(run, SLOTS, director, Sleep(0.0, epochs=2))
    grown = resident[trials] - resident[200]
    return {
        "resident_mib": resident,
        "growth_kib_per_trial": grown * 1024 / (trials - 200),
        "trials_per_s": trials / (time.perf_counter() - begin),
    }


@dataclass
class Timed:
    """A director that measures another."""

    director: Director
    asking: list[float] = field(default_factory=list)
    deciding: list[tuple[int, float]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.director, name)

    def next_job(self) -> Work | None:
        begin = time.perf_counter()
        job = self.director.next_job()
        if job is not None:
            self.asking.append(time.perf_counter() - begin)
        return job

    def on_epoch(self, number: int, epoch: int, metrics: Metrics) -> Verdict:
        begin = time.perf_counter()
        verdict = self.director.on_epoch(number, epoch, metrics)
        self.deciding.append((len(self.asking), time.perf_counter() - begin))
        return verdict


def decisions(run: Path, trials: int = 1000) -> dict[str, Any]:
    from lcsearch.search.make import create

    said = {
        "backbone": "base",
        "dataset": "digits",
        "trials": trials,
        "epochs": 4,
        "init": "scratch",
        "engine": "ray",
        "jobs": SLOTS,
        "out": run / "search",
    }
    with create(said) as session:
        timed = Timed(session.director)
        session.engine.run(timed, Sleep(0.0))
    rows = {}
    for low in range(0, len(timed.asking), max(1, trials // 8)):
        high = low + max(1, trials // 8)
        deciding = [seconds for at, seconds in timed.deciding if low < at <= high]
        rows[f"{low}-{min(high, len(timed.asking))}"] = {
            "propose_ms": 1000 * statistics.fmean(timed.asking[low:high]),
            "decide_ms": 1000 * statistics.fmean(deciding) if deciding else 0.0,
        }
    return {"trials": len(timed.asking), "by_trials_so_far": rows}


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "overhead": overhead,
    "throughput": throughput,
    "memory": memory,
    "decisions": decisions,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for name in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="lcsearch-bench-") as folder:
            results[name] = PARTS[name](Path(folder))
        print(name, json.dumps(results[name], indent=2, default=str), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
