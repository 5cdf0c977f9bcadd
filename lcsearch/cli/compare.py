"""``lcsearch compare``: the fronts of several runs on one plot."""

from __future__ import annotations

from pathlib import Path

import click

from lcsearch.cli.completion import Run
from lcsearch.cli.options import OneOf


@click.command()
@click.argument("runs", nargs=-1, required=True, type=Run(), metavar="RUN RUN [RUN ...]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; default compare.html.")
@click.option("--format", "kind", type=OneOf("html", "png", "svg"), default="html", help="What to write.")
def compare(runs: tuple[Path, ...], output: Path | None, kind: str) -> None:
    """Put the fronts of several runs on one plot."""
    from lcsearch.core.files import write_text
    from lcsearch.report.compare import compare_figure, render_comparison, run_lines
    from lcsearch.runs.read import read_run

    path = output or Path(f"compare.{kind}")
    records = [read_run(run) for run in runs]
    if kind == "html":
        write_text(path, render_comparison(records), setting="output")
    else:
        from lcsearch.report.image import write_images

        write_images({path: compare_figure(run_lines(records), "params")}, kind)
    click.echo(str(path))
