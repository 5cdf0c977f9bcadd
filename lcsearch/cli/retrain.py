"""``lcsearch retrain``: train the front longer with several seeds, then test it once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from lcsearch.cli.options import RUN_ARGUMENT, options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from lcsearch.core.records import RetrainRecord, TrialRecord
    from lcsearch.search.retrain.session import RetrainSession


@click.command()
@RUN_ARGUMENT
@options_of("retrain")
def retrain(run: Path, **said: Any) -> int:
    """Train the front longer with several seeds, then evaluate on the test set, once.

    The plain backbone and the nearest hand-picked models are trained the same way, for comparison. Ctrl-C
    stops; the same command goes on. A model that was tested is never tested again.
    """
    from rich.console import Console

    from lcsearch.cli.main import INTERRUPTED
    from lcsearch.search.retrain.session import Request, RetrainSession

    console = Console(stderr=True, highlight=False)

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    with RetrainSession(run, Request.of(said), say) as work:
        for line in work.introduction():
            say(line)
        problem = work.run()
        if problem is not None:
            say(f"lcsearch: error: {problem}; the same command goes on")
            return 1
        if work.director.interrupted:
            say("interrupted; the same command goes on")
            return INTERRUPTED
        _say_results(work, work.finish())
        return 1 if work.director.failed else 0


def _say_results(work: RetrainSession, records: Sequence[RetrainRecord]) -> None:
    from rich.console import Console

    from lcsearch.core.metric import metric_words
    from lcsearch.runs.read import read_run
    from lcsearch.search.retrain.ways import summary

    out = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    words = metric_words(work.settings.metric)
    out.print(_table(records, read_run(work.path).trials, words))
    for line in summary(work.comparisons(), words):
        out.print(line, markup=False, soft_wrap=True)
    for name, reason in work.director.failed.items():
        out.print(f"{name} failed, so it is left out: {reason}", markup=False, soft_wrap=True)
    out.print(f"results: {work.path / 'retrain' / 'results.yaml'}", markup=False, soft_wrap=True)
    out.print(f"report: {work.path / 'report.html'}", markup=False, soft_wrap=True)


def _table(records: Sequence[RetrainRecord], trials: Sequence[TrialRecord], metric: str) -> Table:
    from rich.table import Table

    from lcsearch.cli.tables import short_words
    from lcsearch.core.text import format_count
    from lcsearch.runs.retrained import spread

    tested = "test" if metric == "accuracy" else f"test {metric}"
    by_number, rows = {trial.number: trial for trial in trials}, list[list[str]]()
    for record in records:
        trial, found = by_number[record.trial], spread(record.accuracies)
        unknown = found.std is None
        rows.append(
            [
                str(record.trial),
                format_count(trial.params),
                record.init,
                str(len(record.seeds)),
                f"{found.mean:.2f} %",
                "" if unknown else f"{found.std:.2f}",
                "" if unknown else f"{found.low:.2f} to {found.high:.2f}",
                trial.label or short_words(trial),
            ]
        )
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    for place, name in enumerate(("trial", "params", "from", "seeds", tested, "std", "95 % interval")):
        widest = max([len(name), *[len(row[place]) for row in rows]])  # where it is narrow, the model is cut
        side: Literal["left", "right"] = "left" if name == "from" else "right"
        table.add_column(name, justify=side, no_wrap=True, min_width=widest)
    table.add_column("model", overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
