"""``lcsearch run``: search, then show the front and say where everything is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lcsearch.cli.options import Count, NameOf, OneOf, Seconds
from lcsearch.core import plugins
from lcsearch.runs.settings import DEFAULT_INIT


@click.command()
@click.option(
    "--backbone",
    required=True,
    metavar="NAME",
    help="A name from 'lcsearch backbones', torchvision:NAME or package.module:function.",
)
@click.option(
    "--dataset",
    default="fashion-mnist",
    show_default=True,
    metavar="NAME",
    help="A name from 'lcsearch datasets', folder:PATH or package.module:function.",
)
@click.option("--data-dir", metavar="PATH", help="Where the data set's files are looked for first.")
@click.option("--train-images", type=Count(), help="Training images.  [default: 10k on a CPU, else all]")
@click.option("--validation-images", type=Count(), help="Validation images.  [default: 5k, or a fifth]")
@click.option("--image-size", type=int, metavar="PIXELS", help="Height and width.  [default: the data set's]")
@click.option(
    "--space", metavar="NAME|FILE", help="Search space.  [default: the backbone's own, else generic]"
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    help="Trained trials, hand-picked ones included.  [default: 18 on a CPU, else 120, from scratch 60]",
)
@click.option("--epochs", type=click.IntRange(1), help="Epochs of a trial.  [default: 3 on a CPU, else 12]")
@click.option("--timeout", type=Seconds(), help="Start no trial after this time: 90s, 30m, 2h.")
@click.option("--max-params", type=Count(), help="Reject larger specs untrained: 500k, 1.5M.")
@click.option("--max-macs", type=Count(), help="Reject dearer specs untrained: 20M.")
@click.option("--search-width", is_flag=True, help="Search the backbone's width too, from 0.25 to 1.")
@click.option("--sampler", type=NameOf(plugins.SAMPLER), help="Who proposes: see 'docs/search.md'.")
@click.option(
    "--early-stopping",
    type=NameOf(plugins.STOPPING_RULE),
    default="pareto",
    show_default=True,
    help="Which trials stop at rungs.",
)
@click.option(
    "--engine", type=NameOf(plugins.ENGINE), default="local", show_default=True, help="Who runs trials."
)
@click.option("--jobs", type=click.IntRange(1), help="Trials at once.  [default: CPU cores; 1 on a GPU]")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or mps.")
@click.option("--precision", type=OneOf("float32", "bfloat16"), help="Arithmetic of training.")
@click.option("--batch-size", type=click.IntRange(1), help="Images per step.")
@click.option("--lr", type=float, help="Peak learning rate.")
@click.option("--weight-decay", type=float, help="L2 decay of the filters.")
@click.option(
    "--recipe", type=click.Path(path_type=Path), metavar="FILE", help="YAML with any of the recipe's values."
)
@click.option(
    "--init",
    metavar="scratch|trained|pretrained|FILE",
    help="Where models start: from nothing, or cut out of the backbone: trial 0's, torchvision's or yours.  "
    f"[default: {DEFAULT_INIT}; scratch where the width is searched]",
)
@click.option(
    "--fine-tune-epochs",
    type=click.IntRange(1),
    help="Epochs of a model that was cut out of the backbone.  [default: 1 on a CPU, else 4]",
)
@click.option("--fine-tune-lr", type=float, help="Peak learning rate of it.")
@click.option(
    "--distill", type=float, metavar="SHARE", help="Share of its loss from the backbone.  [default: 0.5]"
)
@click.option("--new-head", is_flag=True, help="Make the last layer of given weights new.")
@click.option(
    "--inherit/--no-inherit",
    default=None,
    help="Cut a model out of the next larger one on the front, or always out of the backbone.  "
    "[default: --inherit]",
)
@click.option(
    "--from", "given", multiple=True, metavar="CONFIG|RUN", help="Try this config, or a run's front, first."
)
@click.option(
    "--objectives",
    default="accuracy,params",
    show_default=True,
    help="accuracy,params or accuracy,params,macs.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seeds everything random.")
@click.option("--ray-address", metavar="ADDRESS", help="A Ray cluster: auto or HOST:PORT.")
@click.option("--cpus-per-trial", type=float, default=1.0, show_default=True, help="What Ray reserves.")
@click.option("--gpus-per-trial", type=float, help="What Ray reserves; a share such as 0.25 is fine.")
@click.option(
    "--max-failures", type=click.IntRange(0), default=1, show_default=True, help="Tries after a lost worker."
)
@click.option("--storage-path", metavar="PATH|URI", help="Shared checkpoints of several Ray nodes.")
@click.option("--storage", metavar="URL", help="Optuna storage on a server.  [default: study.db in the run]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The run directory.  [default: runs/BACKBONE-DATE]",
)
def run(**options: Any) -> int:
    """Search for smaller models of a backbone.

    Trains candidates on training images, compares them on validation images and keeps the Pareto front of
    accuracy against parameters. The test images are never touched. Ctrl-C stops; 'lcsearch resume' goes on.
    """
    from lcsearch.cli.drive import drive
    from lcsearch.search.make import create
    from lcsearch.search.options import RunOptions

    return drive(create(RunOptions(**options)))
