"""``lcsearch report``: the page of a run, or its plots as images."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lcsearch.cli.options import RUN_ARGUMENT, OneOf
from lcsearch.core.errors import InputError, Named


@click.command()
@RUN_ARGUMENT
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; default RUN/report.html."
)
@click.option("--format", "kind", type=OneOf("html", "png", "svg"), default="html", help="What to write.")
@click.option("--plot", "plots", multiple=True, help="Plot for png and svg; repeat it, or 'all'.")
@click.option("--live", is_flag=True, help="Write the page again while the run goes on.")
def report(run: Path, output: Path | None, kind: str, plots: tuple[str, ...], live: bool) -> None:
    """Write the report of a run: one page that needs no network, or its plots as images.

    Images go into the folder --output (default RUN/plots), or into the file --output where it has
    the format's suffix and there is one plot.
    """
    if kind == "html":
        if plots:
            raise InputError("only goes with --format png or svg; the page has every plot", setting="plot")
        _page(run, output or _in_run(run, "report.html"), live)
        return
    if live:
        raise InputError(f"only goes with --format html, not {kind}", setting="live")
    _images(run, output or _in_run(run, "plots"), kind, plots or ("front",))


def _in_run(run: Path, name: str) -> Path:
    """The default place, in the run directory."""
    if run.is_dir() and not os.access(run, os.W_OK):
        raise InputError(f"{run} is not writable; name another place by ", Named("output"))
    return run / name


def _page(run: Path, path: Path, live: bool) -> None:
    from lcsearch import report as pages
    from lcsearch.runs.read import read_run

    if live:
        from lcsearch.report.live import follow

        follow(lambda: read_run(run), path, lambda line: click.echo(line, err=True))
    else:
        pages.write(read_run(run), path)
    click.echo(str(path))


def _images(run: Path, output: Path, kind: str, plots: tuple[str, ...]) -> None:
    from lcsearch.report.image import chosen_figures, write_images
    from lcsearch.runs.read import read_run

    made = chosen_figures(read_run(run), plots)
    single = output.suffix == f".{kind}"
    if single and len(made) > 1:
        problem = f"{output} is one file for {len(made)} plots; give a folder"
        raise InputError(problem, setting="output")
    places = {output if single else output / f"{name}.{kind}": figure for name, figure in made.items()}
    write_images(places, kind)
    for path in places:
        click.echo(str(path))
