"""``lcsearch backbones``: the nets that can be compressed."""

from __future__ import annotations

import json

import click

_OTHERS = {
    "torchvision:NAME": "any classification net of torchvision, such as torchvision:resnet50",
    "package.module:function": "your own function of num_classes, in_channels and, if you like, width",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backbones(as_json: bool) -> None:
    """List the nets that --backbone takes; parameters are for 3 channels and 10 classes."""
    rows = [
        {"name": name, "params": params, "description": description}
        for name, params, description in _published()
    ]
    if as_json:
        click.echo(json.dumps({"backbones": rows, "others": _OTHERS}))
        return
    _print_table(rows)


def _published() -> list[tuple[str, int, str]]:
    import torch

    from lcsearch.nets import backbones as nets

    found = []
    with torch.device("meta"):
        for name in nets.names():
            model = nets.build(name, num_classes=10, in_channels=3)
            found.append((name, sum(p.numel() for p in model.parameters()), nets.describe(name)))
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
