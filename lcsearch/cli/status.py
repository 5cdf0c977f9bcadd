"""``lcsearch status``: trials by state, the front, and what was spent."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lcsearch.cli.options import RUN_ARGUMENT


@click.command()
@RUN_ARGUMENT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def status(run: Path, as_json: bool) -> None:
    """Show trials by state, the front, its hypervolume and what was spent."""
    from lcsearch.runs.read import read_run
    from lcsearch.runs.summary import summary

    record = read_run(run)
    plain = summary(record)
    if as_json:
        click.echo(json.dumps(plain, allow_nan=False))
        return
    from rich.console import Console

    from lcsearch.cli.tables import front_table
    from lcsearch.cli.textplot import text_plot
    from lcsearch.core.metric import metric_words
    from lcsearch.core.text import format_seconds
    from lcsearch.report.start import screening_words, start_words

    console = Console(highlight=False)
    states = ", ".join(f"{count} {state}" for state, count in plain["trials"].items())
    console.print(f"{run}: {states}", markup=False, soft_wrap=True)
    words = metric_words(record.metric)
    if plain["front"]:
        console.print(text_plot(record.trials, metric=words), markup=False, soft_wrap=True)
        console.print(front_table(record.trials, metric=words))
    volume = plain["hypervolume"]
    for line in start_words(record):
        console.print(line, markup=False, soft_wrap=True)
    spent = f"{plain['epochs_trained']} epochs trained in {format_seconds(plain['seconds'])} of trial time"
    screened = screening_words(record)
    spent += f"; {screened}" if screened else ""
    console.print(spent if volume is None else f"hypervolume {volume:.4f}; {spent}", markup=False)
