"""``lcsearch profile``: what a choice of layers costs, without training anything."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lcsearch.core.errors import InputError
from lcsearch.core.text import format_count

if TYPE_CHECKING:
    from lcsearch.core.records import LayerCount
    from lcsearch.core.spec import ModelSpec
    from lcsearch.nets.count import Count


_ABOVE_0, _BELOW_1 = math.ulp(0.0), math.nextafter(1.0, 0.0)
_RANGES = {
    "rank": (1, math.inf, "at least 1"),
    "rank_ratio": (_ABOVE_0, 1, "above 0 and at most 1"),
    "sparsity": (0, _BELOW_1, "at least 0 and below 1"),
}
"""Option to its lowest and highest value, and both in words."""


@click.command()
@click.option("--backbone", metavar="NAME", help="A name as `lcsearch backbones` lists them.")
@click.option("--alpha", type=float, help="Primary filters / all filters of every layer, in (0, 1].")
@click.option(
    "--rank", type=int, help="Rank of every layer's coefficients (where it is smaller: its largest)."
)
@click.option("--rank-ratio", type=float, help="Rank / primary filters, in (0, 1].")
@click.option("--sparsity", type=float, help="Share of coefficients that is zero, in [0, 1).")
@click.option("--all-layers", is_flag=True, help="Replace also the layers that become no smaller.")
@click.option("--config", type=click.Path(path_type=Path), help="Read net and layers from a config file.")
@click.option("--num-classes", type=int, default=10, show_default=True)
@click.option("--in-channels", type=int, default=3, show_default=True, help="Channels of the images.")
@click.option("--image-size", type=int, default=32, show_default=True, help="Height and width of the images.")
@click.option("--width", type=float, default=1.0, show_default=True, help="Factor on the channel counts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def profile(config: Path | None, image_size: int, all_layers: bool, as_json: bool, **options: Any) -> None:
    """Count parameters and multiply-accumulates of a net, and of the same net with LinearConv layers."""
    if image_size < 1:
        raise InputError(f"--image-size: {image_size} is not a positive number")
    spec = _from_options(**options) if config is None else _from_config(config, options)
    baseline, compressed = _count_both(spec, image_size, all_layers)
    if as_json:
        click.echo(json.dumps(_as_json(spec.backbone, baseline, compressed)))
    else:
        _print_table(spec.backbone, baseline, compressed)


def _from_config(path: Path, options: dict[str, Any]) -> ModelSpec:
    from lcsearch.core.config import read_config

    for option in ("backbone", "alpha", "rank", "rank_ratio", "sparsity"):
        if options[option] is not None:
            raise InputError(f"--config: the file names the net and its layers; leave {_flag(option)} out")
    return read_config(path).spec.model


def _from_options(
    *,
    backbone: str | None,
    alpha: float | None,
    rank: int | None,
    rank_ratio: float | None,
    sparsity: float | None,
    num_classes: int,
    in_channels: int,
    width: float,
) -> ModelSpec:
    """The net with the same choice for every convolution."""
    if backbone is None or alpha is None:
        raise InputError(f"{'--alpha' if backbone else '--backbone'}: is missing (or give --config alone)")
    coefficients = {"rank": rank, "rank_ratio": rank_ratio, "sparsity": sparsity}
    _check(alpha, coefficients)
    import torch

    from lcsearch.core.spec import ModelSpec
    from lcsearch.nets import surgery

    plain = ModelSpec(backbone, num_classes, in_channels, width)
    with torch.device("meta"):
        model = surgery.build_model(plain)
    return replace(plain, layers=surgery.uniform(model, alpha, **coefficients))  # type: ignore[arg-type]


def _check(alpha: float, coefficients: dict[str, float | None]) -> None:
    if not 0 < alpha <= 1:
        raise InputError(f"--alpha: {alpha:g} is not above 0 and at most 1")
    given = {name: value for name, value in coefficients.items() if value is not None}
    if len(given) > 1:
        raise InputError(f"{' and '.join(map(_flag, given))}: exclude each other; give one of them")
    for name, value in given.items():
        low, high, says = _RANGES[name]
        if not low <= value <= high:
            raise InputError(f"{_flag(name)}: {value:g} is not {says}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _count_both(spec: ModelSpec, image_size: int, all_layers: bool) -> tuple[Count, Count]:
    """Count the plain net and the compressed one; warn of ranks that cost too much."""
    import torch

    from lcsearch.nets import surgery
    from lcsearch.nets.count import count

    shape = (spec.in_channels, image_size, image_size)
    with torch.device("meta"):
        plain = surgery.build_model(replace(spec, layers={}))
        compressed = surgery.build_model(spec, keep_hopeless=all_layers)
    filters = {name: conv.out_channels for name, conv in surgery.conv_layers(plain).items()}
    counted = count(compressed, shape)
    _warn_of_dear_ranks(counted, filters)
    return count(plain, shape), counted


def _warn_of_dear_ranks(counted: Count, filters: Mapping[str, int]) -> None:
    """Say on stderr which low-rank layers would be no larger with the full matrix."""
    from lcsearch.layers.arithmetic import max_useful_rank, split

    dear = [
        f"{row.name} (rank {row.rank})"
        for row in counted.layers
        if row.rank is not None and row.rank > max_useful_rank(*split(filters[row.name], row.alpha))
    ]
    if dear:
        shown = ", ".join(dear[:5]) + (f" and {len(dear) - 5} more" if len(dear) > 5 else "")
        click.echo(
            f"lcsearch: warning: no smaller than the full matrix, but done as asked: {shown}", err=True
        )


def _as_json(backbone: str, baseline: Count, compressed: Count) -> dict[str, Any]:
    keys = ("name", "family", "alpha", "rank", "params", "macs")
    return {
        "backbone": backbone,
        "params": compressed.params,
        "macs": compressed.macs,
        "baseline_params": baseline.params,
        "baseline_macs": baseline.macs,
        "layers": [{key: getattr(row, key) for key in keys} for row in compressed.layers],
    }


def _print_table(backbone: str, baseline: Count, compressed: Count) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=f"{backbone}, layer by layer", title_justify="left")
    table.add_column("layer", overflow="fold")
    for name in ("family", "alpha", "coefficients", "params", "plain", "MACs", "plain"):
        table.add_column(
            name, justify="left" if name in ("family", "coefficients") else "right", no_wrap=True
        )
    plain = {row.name: row for row in baseline.layers}
    for row in compressed.layers:
        table.add_row(*_cells(row, plain[row.name]))
    console = Console()
    console.print(table)
    for what, now, before in (
        ("parameters", compressed.params, baseline.params),
        ("MACs", compressed.macs, baseline.macs),
    ):
        console.print(f"{what}: {now:,} of {before:,} ({100 * now / max(1, before):.1f} %)", highlight=False)


def _cells(row: LayerCount, plain: LayerCount) -> tuple[str, ...]:
    kind = "" if row.family != "linear" else "full"
    if row.rank is not None:
        kind = f"rank {row.rank}"
    if row.sparsity is not None:
        kind = f"{100 * row.sparsity:g} % zero"
    alpha = f"{row.alpha:.4g}" if row.family == "linear" else ""
    sizes = (row.params, plain.params, row.macs, plain.macs)
    return (row.name, row.family, alpha, kind, *map(format_count, sizes))
