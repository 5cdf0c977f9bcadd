"""``lcsearch datasets``: what can be searched on, and where its files lie."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.text import Text

    from lcsearch.data.loading import Description

_OTHERS = {
    "torchvision:NAME": (
        "any classification set of torchvision, such as torchvision:KMNIST or torchvision:EMNIST,letters"
    ),
    "hf:NAME[,CONFIG]": (
        "a data set of the Hugging Face hub, or hf:FOLDER of parquet or image files (pip install "
        "'lcsearch[hf]'); columns are found by their types, or named by --image-column and --label-column"
    ),
    "folder:PATH": (
        "your own image files: PATH/train/CLASS/* and PATH/test/CLASS/*, and PATH/val/CLASS/* for validation "
        "if it is there, or PATH/CLASS/* (a fixed fifth is kept as test set); resized to --image-size, 32 by "
        "default"
    ),
    "package.module:function": (
        "your own function: returns (train, test), each a torch Dataset of (image, label) or a pair of "
        "tensors (images, labels); images are uint8 or floats in 0..1, before normalisation"
    ),
}


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Look in this folder first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def datasets(data_dir: Path | None, as_json: bool) -> None:
    """List the data sets that --dataset takes, and where they are found."""
    from lcsearch import data

    rows = [data.describe(name, data_dir=data_dir) for name in data.names()]
    if as_json:
        click.echo(json.dumps({"datasets": [asdict(row) for row in rows], "others": _OTHERS}))
        return
    _print_table(rows)


def _print_table(rows: list[Description]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("data set", box=None, pad_edge=False)
    for title in ("train", "test", "classes", "channels"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("where it is", overflow="fold")
    for row in rows:
        counts = (row.train_images, row.test_images, row.num_classes, row.in_channels)
        table.add_row(row.name, *("?" if count is None else f"{count:,}" for count in counts), _where(row))
    console = Console()
    console.print(table)
    console.print("\nAlso:")
    for name, meaning in _OTHERS.items():
        console.print(f"  {name}: {meaning}", highlight=False)


def _where(row: Description) -> Text:
    from rich.text import Text

    from lcsearch.data.dataset import NOWHERE

    found = "needs no files" if row.found == str(NOWHERE) else row.found
    return Text(row.problem or found or "downloaded when needed")
