"""``lcsearch run``: search, then show the front and say where everything is."""

from __future__ import annotations

from typing import Any

import click

from lcsearch.cli.options import options_of


@click.command()
@options_of("run")
def run(**said: Any) -> int:
    """Search for smaller models of a backbone.

    Trains candidates on training images, compares them on validation images and keeps the Pareto front of
    accuracy against parameters. The test images are never touched. Ctrl-C stops; 'lcsearch resume' goes on.
    """
    from lcsearch.cli.drive import drive
    from lcsearch.search.make import create

    return drive(create(said))
