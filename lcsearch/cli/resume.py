"""``lcsearch resume``: go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lcsearch.cli.options import RUN_ARGUMENT, NameOf, Seconds
from lcsearch.core import plugins


@click.command()
@RUN_ARGUMENT
@click.option("--trials", type=click.IntRange(1), help="Trained trials in all.")
@click.option("--timeout", type=Seconds(), help="Start no trial after this time from now: 90s, 30m, 2h.")
@click.option("--engine", type=NameOf(plugins.ENGINE), help="Who runs trials.")
@click.option("--jobs", type=click.IntRange(1), help="Trials at once.")
@click.option("--ray-address", metavar="ADDRESS", help="A Ray cluster: auto or HOST:PORT.")
@click.option("--cpus-per-trial", type=float, help="What Ray reserves.")
@click.option("--gpus-per-trial", type=float, help="What Ray reserves; a share such as 0.25 is fine.")
@click.option("--max-failures", type=click.IntRange(0), help="Tries after a lost worker.")
@click.option("--storage-path", metavar="PATH|URI", help="Shared checkpoints of several Ray nodes.")
def resume(run: Path, **changes: Any) -> int:
    """Go on with a run after a stop or a crash, or for longer.

    Finished trials stay as they are; a trial that was cut goes on from its last checkpoint. Nothing that
    alters the result of a trial can be changed.
    """
    from lcsearch.cli.drive import drive
    from lcsearch.search.make import reopen

    return drive(reopen(run, {key: value for key, value in changes.items() if value is not None}))
