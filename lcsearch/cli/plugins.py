"""``lcsearch plugins``: everything that is found by its name, where it is from, and what does not load."""

from __future__ import annotations

import contextlib
import json
import sys

import click

from lcsearch.core.plugins import Plugin, listed


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plugins(as_json: bool) -> None:
    """List everything that options take by a name: ours, and what installed packages add.

    What does not load is listed with the reason, and leaves everything else as it is.
    """
    with contextlib.redirect_stdout(sys.stderr):  # where somebody's module says something when imported
        rows = [_row(plugin) for plugin in listed()]
    if as_json:
        click.echo(json.dumps({"plugins": rows}))
        return
    table = [list(rows[0]), *([value or "" for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        click.echo("  ".join(map(str.ljust, cells, widths)).rstrip())


def _row(plugin: Plugin) -> dict[str, str | None]:
    return {
        "kind": plugin.kind.word,
        "name": plugin.name,
        "from": plugin.origin,
        "problem": plugin.problem,
    }
