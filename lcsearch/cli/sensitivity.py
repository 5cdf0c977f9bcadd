"""``lcsearch sensitivity``: what each layer of a trained net loses when it alone is compressed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lcsearch.cli.options import options_of
from lcsearch.core.errors import InputError, Named, said_of
from lcsearch.core.text import format_count
from lcsearch.runs.inputs import Asked, checked, inputs_of
from lcsearch.runs.setting import Rule

if TYPE_CHECKING:
    from rich.table import Table
    from torch import nn

    from lcsearch.compress.sensitivity import Row, Sensitivity
    from lcsearch.compress.thin_sensitivity import ChannelRow
    from lcsearch.core.spec import ModelSpec
    from lcsearch.data import SearchData


@click.command()
@options_of("sensitivity")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.html", help="Write a heat map page.")
def sensitivity(as_json: bool, out: Path | None, **said: Any) -> None:
    """Compress or thin each layer of a trained net alone, without training, and see what the net loses.

    Losses are measured on training images that the layers were not fitted to; test images are never touched.
    """
    if out is not None and out.suffix not in (".html", ".htm"):
        raise InputError(f"{out} must end in .html", setting="out")
    options = _completed(checked(said, "sensitivity"))
    data, note = _load(options)
    model, template = _model(options, data)
    found = _measure(model, template, data, options)
    if out is not None:
        from lcsearch.core.files import write_text
        from lcsearch.report.sensitivity import render_sensitivity

        title = f"{options['backbone']} on {data.info.name}"
        write_text(out, render_sensitivity(found, title, note))
        click.echo(str(out), err=True)
    if as_json:
        plain = {"backbone": options["backbone"], "dataset": data.info.name, **found.to_plain()}
        click.echo(json.dumps(plain))
    else:
        _print_tables(found, template.backbone)


def _completed(asked: Asked) -> dict[str, Any]:
    """What the user asked for, with what a run directory says, where ``init`` is one, and the defaults."""
    found = {name: one.default for name, one in inputs_of("sensitivity").items()}
    found |= {name: None for name, value in found.items() if isinstance(value, Rule)}
    path = Path(asked["init"])
    if path.is_dir():
        found |= _of_run(path)
    elif "backbone" not in asked:
        raise InputError("is missing (only a run in ", Named("init"), " says it)", setting="backbone")
    options = {"normalisation": None, "run": None, **found, **asked, "init": found["init"] or asked["init"]}
    from lcsearch.data import with_columns

    columns = (asked.get("image_column"), asked.get("label_column"))
    options["dataset"] = with_columns(options["dataset"], *columns)
    if options["init"] == "pretrained":
        from lcsearch.nets.weights import for_pretrained, pretrained_size

        options["backbone"], options["normalisation"] = for_pretrained(options["backbone"])
        options["image_size"] = options["image_size"] or pretrained_size(options["backbone"])
    return options


def _of_run(path: Path) -> dict[str, Any]:
    """What a run says of its backbone and its data."""
    from lcsearch.core.job import BACKBONE
    from lcsearch.runs.directory import RunDirectory

    try:
        run = RunDirectory.open(path)
        settings = run.read().settings
    except InputError as error:
        raise InputError(*error.parts, setting="init") from None
    files = [run.start / BACKBONE, run.weights(0)]
    weights = next((file for file in files if file.is_file()), None)
    if weights is None:
        raise InputError("the run holds no weights of its backbone yet", setting="init", value=path)
    names = (
        "backbone",
        "dataset",
        "data_dir",
        "train_images",
        "image_size",
        "own_validation",
        "normalisation",
    )
    return {name: getattr(settings, name) for name in names} | {
        "init": str(weights),
        "run": run if settings.objective is None else None,
    }


def _load(options: dict[str, Any]) -> tuple[SearchData, str]:
    """The images, and what is to be said of them if they are what is left of a run's."""
    from lcsearch.data import load, notes_on
    from lcsearch.search.run_images import RunImages, read_images

    click.echo("reading the data", err=True)
    names = ("data_dir", "train_images", "image_size", "own_validation")
    given = {name: options[name] for name in names if name in options}
    if options["run"] is not None:
        found = read_images(options["run"], options["dataset"], given)
    else:
        found = RunImages(load(options["dataset"], **given))
    with said_of("init", options["init"]):
        data = found.data.normalised(options["normalisation"])
    for note in (*([found.note] if found.note else []), *notes_on(data)):
        click.echo(note, err=True)
    return data, found.note


def _model(options: dict[str, Any], data: SearchData) -> tuple[nn.Module, ModelSpec]:
    """The backbone with its trained weights, on the device."""
    from lcsearch.core.device import pick_device
    from lcsearch.core.spec import ModelSpec
    from lcsearch.nets import surgery
    from lcsearch.nets.new_head import with_new_head
    from lcsearch.nets.weights import pretrained_weights, read_weights

    template = ModelSpec(options["backbone"], data.info.num_classes, data.info.in_channels)
    if options["new_head"]:
        backbone, words = with_new_head(template, data.info.image_size)
        template = replace(template, backbone=backbone)
        if words:
            click.echo(words, err=True)
    device = pick_device(options["device"])
    model = surgery.build_model(template)
    shape = (data.info.in_channels, data.info.image_size, data.info.image_size)
    if options["init"] == "pretrained":
        given = pretrained_weights(template.backbone, model, new_head=options["new_head"], shape=shape)
    else:
        given = read_weights(Path(options["init"]), model, new_head=options["new_head"], shape=shape)
    if given.said:
        click.echo(given.said, err=True)
    model.load_state_dict(given.state)
    model.eval().to(device)
    _check_answer(model, data, options["backbone"])
    return model, template


def _check_answer(model: nn.Module, data: SearchData, backbone: str) -> None:
    """Run the net on real images before anything is measured, and say how its logits are taken."""
    import torch

    from lcsearch.compress.cut_out import first_images
    from lcsearch.core.errors import said_of
    from lcsearch.nets.failure import Watch
    from lcsearch.train.answers import checked_answer

    images = first_images(data, 2, next(model.parameters()).device)
    with said_of("backbone", backbone), Watch(), torch.no_grad():
        words = checked_answer(model, images, data.info.num_classes)[1]
    if words:
        click.echo(f"{backbone}: {words}", err=True)


def _measure(model: nn.Module, template: ModelSpec, data: SearchData, options: dict[str, Any]) -> Sensitivity:
    from functools import partial

    import torch

    from lcsearch.compress.sensitivity import measure
    from lcsearch.layers import lookup
    from lcsearch.nets.surgery import build_model
    from lcsearch.search.progress import NowAndThen
    from lcsearch.search.proposals.descent import counts_to_measure
    from lcsearch.search.space import bind, check_kinds, load_space, with_kinds

    with torch.device("meta"):
        plain = build_model(replace(template, layers={}))
    image = (data.info.in_channels, data.info.image_size, data.info.image_size)
    space, kinds = load_space(options["space"], template.backbone), options["kinds"] or ()
    bound = bind(with_kinds(space, kinds) if kinds else space, plain, template, image)
    check_kinds(bound, kinds)
    for kind in bound.families:
        if lookup.family(kind).pairs:
            click.echo(f"{kind}: left out, since layers are of it only together; none loses alone", err=True)
    return measure(
        model,
        bound.searched_layers,
        data,
        ways=partial(lookup.ways, families=bound.families),
        groups=bound.thinning.found,
        counts=counts_to_measure(bound.thinning),
        progress=NowAndThen(lambda words: click.echo(words, err=True)).step,
    )


def _print_tables(found: Sensitivity, backbone: str) -> None:
    from rich.console import Console

    from lcsearch.report.sensitivity import cells

    layers = _table(f"{backbone}: one layer compressed, nothing trained", ("alpha", "coefficients", "params"))
    layers.add_row(
        "(none)", "", "", "", f"{found.baseline_accuracy:.2f} %", f"{found.baseline_loss:.3f}", "0"
    )
    _fill(layers, [(row.layer, [*cells(row), format_count(row.way.params)], row) for row in found.rows])
    console = Console()
    console.print(layers)
    if found.channels:
        groups = _table(
            f"{backbone}: one layer thinned, and those that share its channels", ("channels", "all params")
        )
        thinner = found.channels
        _fill(groups, [(r.group, [f"{r.kept} of {r.size}", format_count(r.params)], r) for r in thinner])
        console.print(groups)
    console.print(f"on {found.images:,} images that no layer was fitted to", highlight=False)


def _table(title: str, columns: Sequence[str]) -> Table:
    """A table without rows: layers, columns of their own kind, and what a model loses."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1), title_justify="left")
    table.title = title
    table.add_column("layer", overflow="fold")
    for name in (*columns, "accuracy", "loss", "divergence"):
        table.add_column(name, justify="left" if name == "coefficients" else "right", no_wrap=True)
    return table


def _fill(table: Table, rows: Iterable[tuple[str, Sequence[str], Row | ChannelRow]]) -> None:
    """Add a section for each layer, with its name beside the first row alone."""
    for name, own in groupby(rows, key=itemgetter(0)):
        table.add_section()
        for place, (_, cells, lost) in enumerate(own):
            words = f"{lost.accuracy:.2f} %", f"{lost.loss:.3f}", f"{lost.divergence:.4f}"
            table.add_row("" if place else name, *cells, *words)
