"""Long measurements piece by piece: what is finished is a line of a file and is not done again."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

Line = dict[str, Any]
Task = TypeVar("Task")


def read(path: Path) -> list[Line]:
    """The finished lines of a file; one that was cut short has no end and is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def parser_of(
    doc: str | None, of_jobs: str, *, jobs: int = 2, nothing: str = "train"
) -> argparse.ArgumentParser:
    """The options of every such measurement.

    Args:
        doc: What the program says of itself.
        of_jobs: What ``--jobs`` counts.
        jobs: How many by default.
        nothing: What ``--table`` spares.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path, help="file of what is finished; continued if there")
    parser.add_argument("--table", action="store_true", help=f"{nothing} nothing; print the Markdown table")
    parser.add_argument("--jobs", type=int, default=jobs, help=of_jobs)
    return parser


def work_off(
    path: Path,
    jobs: int,
    tasks: Callable[[Sequence[Line]], Sequence[Task]],
    do: Callable[[Task], Sequence[Line]],
    words: Callable[[Line], str],
) -> int:
    """Do tasks in processes of their own until none is left, and write the lines that come of them.

    A task that fails is said and left out; the next call tries it again.

    Args:
        path: The file of lines; made if need be.
        jobs: Processes.
        tasks: What can be done now and is not done yet, the most important first; it gets the lines.
        do: Does a task in another process; picklable, as tasks are.
        words: What is printed of a line.

    Returns:
        How many tasks failed.
    """
    lines = read(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    running: dict[Future[Sequence[Line]], Task] = {}
    failed: list[Task] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool, path.open("a", encoding="utf-8") as file:
        while True:
            busy = [*running.values(), *failed]
            free = [task for task in tasks(lines) if task not in busy]
            for task in free[: jobs - len(running)]:
                running[pool.submit(do, task)] = task
            if not running:
                return len(failed)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                error = future.exception()
                if error is not None:
                    failed.append(task)
                    print(f"failed: {task}", *traceback.format_exception(error), sep="\n", file=sys.stderr)
                    continue
                for line in future.result():
                    lines.append(line)
                    file.write(json.dumps(line) + "\n")
                    print(words(line), flush=True)
                file.flush()
