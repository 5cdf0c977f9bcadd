"""``lcsearch backbones``: the nets that can be compressed."""

from __future__ import annotations

import json

import click

from lcsearch.cli.options import as_option
from lcsearch.core import plugins
from lcsearch.core.errors import InputError

_OTHERS = {
    "torchvision:NAME": "any classification net of torchvision, such as torchvision:resnet50",
    "timm:NAME": "any convolutional net of timm, such as timm:resnet10t (pip install 'lcsearch[timm]')",
    "package.module:function": "your own function of num_classes and in_channels",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backbones(as_json: bool) -> None:
    """List the nets that --backbone takes; parameters are for 3 channels and 10 classes."""
    rows = _rows()
    if as_json:
        click.echo(json.dumps({"backbones": rows, "others": _OTHERS}))
        return
    _print_table(rows)


def _rows() -> list[dict[str, object]]:
    """What is known of each backbone with a name; one that cannot be built is said on stderr."""
    import torch

    from lcsearch.nets import backbones as nets

    found = list[dict[str, object]]()
    for name in plugins.names(plugins.BACKBONE):
        try:
            with torch.device("meta"):
                model = nets.build(name, num_classes=10, in_channels=3)
            description = nets.describe(name)
        except InputError as error:
            click.echo(f"lcsearch: {error.said(as_option)}", err=True)
            continue
        params = sum(p.numel() for p in model.parameters())
        found.append({"name": name, "params": params, "description": description})
    return found


def _print_table(rows: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("backbone", box=None, pad_edge=False)
    table.add_column("params", justify="right", no_wrap=True)
    table.add_column("what it is, in its form for 32x32 images")
    for row in rows:
        table.add_row(str(row["name"]), f"{row['params']:,}", str(row["description"]))
    console = Console()
    console.print(table)
    others = Table("also", "", box=None, pad_edge=False)
    for name, meaning in _OTHERS.items():
        others.add_row(name, meaning)
    console.print("", others, highlight=False)
