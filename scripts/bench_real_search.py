"""Search in two ways and train for real: how many epochs until the default search is where Optuna ends.

What: plain Optuna is what a user would write: one persistent TPE sampler with two objectives, every trial
from scratch and to its end, after the backbone. The default search starts from the trained backbone, whose
epochs count; with --screen it also looks at candidates, which counts in epochs by the images that go through
nets. All are weighed by hypervolume in one box, that of the mean accuracy of the backbones.

How: every search is one line of a file, and a search goes on in its folder trial after trial, so the script
goes on where it was stopped, and any beginning is a usable table. One trial of a search at a time.

    python scripts/bench_real_search.py real.jsonl                       # base: hours on 2 idle cores
    python scripts/bench_real_search.py real.jsonl --backbone vgg11 --plain-trials 60
    python scripts/bench_real_search.py real.jsonl --screen 0 --screen 12
    python scripts/bench_real_search.py real.jsonl --finish 0 --finish 0.25
    python scripts/bench_real_search.py real.jsonl --no-plain --stopping pareto --stopping none
    python scripts/bench_real_search.py real.jsonl --table
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

from front_runs import Where
from real_search_runs import PLAIN, Search, Task, do
from real_search_table import table
from work_off import Line, parser_of, read, work_off

OF_BOTH = ("backbone", "dataset", "train_images", "image_size", "epochs")


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.table:
        print(table(read(arguments.records)))
        return 0
    folder = arguments.folder or arguments.records.with_suffix(".runs")
    where = Where(folder.resolve(), arguments.data_dir, arguments.device)
    found = [Task(search, where) for search in searches(arguments)]
    failed = work_off(arguments.records, arguments.jobs, partial(left, found), do, words)
    print(table(read(arguments.records)))
    return 1 if failed else 0


def searches(arguments: argparse.Namespace) -> list[Search]:
    """Seed by seed, plain Optuna, whose hypervolume is the goal, last: it takes longest."""
    both = {name: getattr(arguments, name) for name in OF_BOTH}
    finishes = [f"-finish-{share}" if share else "" for share in arguments.finish or [0.0]]
    rules = [f"-stopping-{rule}" if rule else "" for rule in arguments.stopping or [""]]
    screens = [f"screen-{screen}" for screen in arguments.screen or [0]]
    every = map("".join, product(screens, finishes, rules))
    sides = dict.fromkeys(every, arguments.trials)
    sides |= {} if arguments.no_plain else {PLAIN: arguments.plain_trials}
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    return [
        Search(side, seed=seed, trials=trials, **both) for seed in seeds for side, trials in sides.items()
    ]


def left(tasks: Sequence[Task], lines: Sequence[Line]) -> list[Task]:
    """Those that have no line yet."""
    done = [{name: line[name] for name in Search.__dataclass_fields__} for line in lines]
    return [task for task in tasks if task.key not in done]


def words(line: Line) -> str:
    """What is printed of a line."""
    steps = line["steps"]
    trials = f"{len(steps)} trials, {steps[-1]['spent']:.1f} epochs, {line['seconds']:.0f} s"
    return f"{line['backbone']}, seed {line['seed']}, {line['side']}: {trials}"


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, "searches at a time", jobs=1)
    parser.add_argument("--folder", type=Path, help="of the run directories; beside the records")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--backbone", default="base")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--screen", type=int, action="append", help="candidates; repeatable; by default 0")
    parser.add_argument("--finish", type=float, action="append", help="share; repeatable; by default 0")
    parser.add_argument("--stopping", action="append", help="rule; repeatable; by default the default one")
    parser.add_argument("--trials", type=int, default=60, help="of the default search")
    parser.add_argument("--plain-trials", type=int, default=100, help="of plain Optuna")
    parser.add_argument("--no-plain", action="store_true", help="leave plain Optuna out")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--train-images", type=int, default=10_000)
    parser.add_argument("--image-size", type=int, default=16, help="in pixels")
    parser.add_argument("--epochs", type=int, default=3, help="of the backbone and of a trial from scratch")
    parser.add_argument("--data-dir", help="where the data set's files are")
    return parser


if __name__ == "__main__":
    sys.exit(main())
