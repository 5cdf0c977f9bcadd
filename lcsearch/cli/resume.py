"""``lcsearch resume``: go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lcsearch.cli.options import RUN_ARGUMENT, options_of


@click.command()
@RUN_ARGUMENT
@options_of("resume")
def resume(run: Path, **said: Any) -> int:
    """Go on with a run after a stop or a crash, or for longer.

    Finished trials stay as they are; a trial that was cut goes on from its last checkpoint. Nothing that
    alters the result of a trial can be changed.
    """
    from lcsearch.cli.drive import drive
    from lcsearch.search.make import reopen

    return drive(reopen(run, said))
