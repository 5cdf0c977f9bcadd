"""``lcsearch profile``: what a choice of layers costs, without training anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lcsearch.cli.options import Decorator, Value
from lcsearch.cli.profile_choice import Given, build, check_options, uniform
from lcsearch.core import plugins
from lcsearch.core.errors import InputError, Named
from lcsearch.core.spec import ModelSpec
from lcsearch.core.text import format_count, listed
from lcsearch.runs.inputs import inputs_of

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.core.records import LayerCount
    from lcsearch.core.spec import LayerSpec
    from lcsearch.layers.option import Option
    from lcsearch.nets.channels import ChannelGroups
    from lcsearch.nets.count import Count
    from lcsearch.nets.replaceable import LeftPlain


def _family_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every family, each name once."""
    from lcsearch.layers import lookup

    known: dict[str, Option] = {}
    for name in plugins.names(plugins.FAMILY):
        for option in lookup.family(name).options:
            known.setdefault(option.name, option)
    for option in reversed(known.values()):
        kind = click.Choice(option.choices) if option.choices else option.kind
        typed: dict[str, Any] = {"is_flag": True} if option.kind is bool else {"type": kind}
        command = click.option(_flag(option.name), help=option.help, default=None, **typed)(command)
    return command


def _number(name: str, usual: int) -> Decorator:
    """The option of a setting of `lcsearch.search`, with a default."""
    setting = inputs_of("search")[name]
    return click.option(_flag(name), type=Value(setting), default=usual, show_default=True, help=setting.help)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


@click.command()
@click.option("--backbone", metavar="NAME", help="A name as `lcsearch backbones` lists them.")
@click.option("--family", default="linear", show_default=True, help="What convolutions become.")
@_family_options
@click.option("--init", metavar="FILE|pretrained", help="Trained weights, for what is a share of them.")
@click.option("--channels", type=float, help="Share of every layer's output channels that stays, in (0, 1].")
@click.option("--all-layers", is_flag=True, help="Replace also the layers that become no smaller.")
@click.option("--config", type=click.Path(path_type=Path), help="Read net and layers from a config file.")
@_number("num_classes", 10)
@_number("in_channels", 3)
@_number("image_size", 32)
@click.option("--width", type=float, default=1.0, show_default=True, help="Factor on the channel counts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def profile(
    backbone: str | None,
    family: str,
    config: Path | None,
    init: str | None,
    num_classes: int,
    in_channels: int,
    image_size: int,
    width: float,
    channels: float | None,
    all_layers: bool,
    as_json: bool,
    **numbers: Given | None,
) -> None:
    """Count parameters and multiply-accumulates of a net, and of the same net with other layers."""
    from lcsearch.nets.count import count
    from lcsearch.nets.replaceable import left_plain, tied
    from lcsearch.nets.surgery import once
    from lcsearch.nets.use import used_only_plain_on_meta

    given = {name: value for name, value in numbers.items() if value is not None}
    groups = None
    if config is not None:
        spec = _from_config(config, {"backbone": backbone, "channels": channels, "init": init, **given})
    else:
        if backbone is None:
            raise InputError("is missing (or give ", Named("config"), " alone)", setting="backbone")
        spec = ModelSpec(backbone, num_classes, in_channels, width)
        if channels is not None:
            spec, groups = _thinned(spec, channels, image_size)
        if channels is None or given:
            check_options(family, given)
            spec = uniform(spec, family, given, init, image_size)
    plain, compressed = _build_both(spec, all_layers)
    only_plain = used_only_plain_on_meta(replace(spec, layers={}), spec.layers, image_size)
    if only_plain:
        kept = {name: one for name, one in once(plain, spec.layers).items() if name not in only_plain}
        compressed = _build_both(replace(spec, layers=kept), all_layers)[1]
    only_plain = (_refused(plain, family, given) if given else {}) | only_plain
    _warn_of_waste(spec.layers, plain)
    shape = (spec.in_channels, image_size, image_size)
    counts = count(build(_whole(spec)), shape), count(compressed, shape)
    if as_json:
        left = [asdict(one) for one in (*left_plain(plain), *_left(plain, only_plain))]
        about = {"left_plain": left, "tied": tied(plain), "trainable": counts[1].trainable}
        if groups is not None:
            about |= {"whole": [one._asdict() for one in groups.whole]}
        click.echo(json.dumps(_as_json(spec.backbone, *counts) | about))
    else:
        _print_table(spec.backbone, *counts)
        _print_words(plain, None if groups is None else groups.whole_words(), only_plain)


def _print_words(plain: nn.Module, stays: str | None, only_plain: Mapping[str, str]) -> None:
    """Say which convolutions and channels of a net are not searched, and why."""
    from lcsearch.nets.replaceable import plain_words, tied_words
    from lcsearch.nets.standardised import ordinary_words
    from lcsearch.nets.use import left_words

    of_net = (ordinary_words(plain), stays, plain_words(plain))
    for words in (*of_net, *left_words(only_plain), tied_words(plain)):
        if words is not None:
            click.echo(words)


def _refused(plain: nn.Module, family: str, given: Mapping[str, Given]) -> dict[str, str]:
    """Why convolutions are not of a family, by their names."""
    from lcsearch.layers import lookup
    from lcsearch.nets.replaceable import conv_layers, shape_of

    shapes = {name: shape_of(conv) for name, conv in conv_layers(plain).items()}
    return lookup.family(family).left_out(shapes, given)


def _left(plain: nn.Module, only_plain: Mapping[str, str]) -> list[LeftPlain]:
    from lcsearch.nets.replaceable import LeftPlain, conv_layers

    convs = conv_layers(plain)
    return [
        LeftPlain(name, sum(parameter.numel() for parameter in convs[name].parameters()), why)
        for name, why in only_plain.items()
    ]


def _from_config(path: Path, given: Mapping[str, Any]) -> ModelSpec:
    from lcsearch.core.config import read_config

    for name, value in given.items():
        if value is not None:
            problem = "the file names the net and its layers; leave "
            raise InputError(problem, Named(name), " out", setting="config")
    return read_config(path).spec.model


def _thinned(spec: ModelSpec, share: float, image_size: int) -> tuple[ModelSpec, ChannelGroups]:
    """The net with a share of the channels of every group, and its groups."""
    from lcsearch.nets.channels import find_groups, image_of, verified

    if not 0 < share <= 1:
        raise InputError(f"{share:g} is not above 0 and at most 1", setting="channels")
    spec = replace(spec, image_size=(image_size, image_size))
    net, image = build(_whole(spec)), image_of(spec)
    groups = verified(net, find_groups(net, image), image)
    kept = groups.kept({group.name: share for group in groups.groups})
    return replace(spec, channels=groups.channels(kept)), groups


def _whole(spec: ModelSpec) -> ModelSpec:
    """The net with all its channels and plain layers."""
    return replace(spec, layers={}, channels={})


def _build_both(spec: ModelSpec, all_layers: bool) -> tuple[nn.Module, nn.Module]:
    """The net of plain layers, thinned as the spec says, and the compressed one, on the meta device."""
    return build(replace(spec, layers={})), build(spec, all_layers)


def _warn_of_waste(layers: Mapping[str, LayerSpec], plain: nn.Module) -> None:
    """Say on stderr which layers would be no larger if they were more than they are."""
    from lcsearch.layers import lookup
    from lcsearch.nets.replaceable import conv_layers, shape_of
    from lcsearch.nets.surgery import once

    shapes = {name: shape_of(conv) for name, conv in conv_layers(plain).items()}
    asked = once(plain, layers)
    wasted = [(name, lookup.family_of(spec).waste(shapes[name], spec)) for name, spec in asked.items()]
    told = [f"{name} ({what})" for name, what in wasted if what is not None]
    if told:
        shown = listed(told, 5)
        click.echo(f"lcsearch: warning: no smaller than without it, but done as asked: {shown}", err=True)


def _as_json(backbone: str, baseline: Count, compressed: Count) -> dict[str, Any]:
    return {
        "backbone": backbone,
        "params": compressed.params,
        "macs": compressed.macs,
        "baseline_params": baseline.params,
        "baseline_macs": baseline.macs,
        "layers": [row.to_plain() for row in compressed.layers],
    }


def _print_table(backbone: str, baseline: Count, compressed: Count) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=f"{backbone}, layer by layer", title_justify="left")
    table.add_column("layer", overflow="fold")
    plain = {row.name: row for row in baseline.layers}
    thinned = any(row.outputs != plain[row.name].outputs for row in compressed.layers)
    for name in (*["channels"] * thinned, "family", "amount", "kind", "params", "plain", "MACs", "plain"):
        table.add_column(name, justify="left" if name in ("family", "kind") else "right", no_wrap=True)
    for row in compressed.layers:
        whole = plain[row.name]
        channels = f"{row.outputs} of {whole.outputs}" if row.outputs != whole.outputs else f"{row.outputs}"
        table.add_row(row.name, *[channels] * thinned, *_cells(row, whole))
    console = Console()
    console.print(table)
    trains = [("of these trainable", compressed.trainable, baseline.trainable)]
    for what, now, before in (
        ("parameters", compressed.params, baseline.params),
        *(trains if compressed.trainable != compressed.params else []),
        ("MACs", compressed.macs, baseline.macs),
    ):
        console.print(f"{what}: {now:,} of {before:,} ({100 * now / max(1, before):.1f} %)", highlight=False)


def _cells(row: LayerCount, plain: LayerCount) -> tuple[str, ...]:
    from lcsearch.layers import lookup

    sizes = (row.params, plain.params, row.macs, plain.macs)
    return (row.family, *lookup.cells(row), *map(format_count, sizes))
