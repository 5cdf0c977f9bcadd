"""``lcsearch export``: take a trial home, as a config, as weights, or as a model that runs anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lcsearch.cli.options import RUN_ARGUMENT, NameOf, Value
from lcsearch.core import plugins
from lcsearch.core.errors import InputError, Named
from lcsearch.runs.inputs import inputs_of

if TYPE_CHECKING:
    from lcsearch.core.records import TrialRecord
    from lcsearch.export import Exported
    from lcsearch.runs.choose import Choice


@click.command()
@RUN_ARGUMENT
@click.option(
    "--max-params",
    type=Value(inputs_of("run")["max_params"]),
    help="The most accurate with at most so many: 500k, 1.5M.",
)
@click.option("--max-drop", type=float, help="The smallest within so many points of the backbone: 0.5.")
@click.option("--knee", is_flag=True, help="The front's knee.")
@click.option("--trial", type=Value(inputs_of("retrain")["trial"]), help="The trial of this number.")
@click.option("--format", "kind", type=NameOf(plugins.EXPORT_FORMAT), help="What to write.  [default: by -o]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file.  [default: trial-N.SUFFIX]")
@click.option("--fold-batch-norm", is_flag=True, help="Fold batch norm into the convolutions (conv, onnx).")
@click.option("--retrained", is_flag=True, help="The weights of 'lcsearch retrain', not of the search.")
def export(
    run: Path,
    kind: str | None,
    output: Path | None,
    fold_batch_norm: bool,
    retrained: bool,
    **chosen_by: Any,
) -> int:
    """Write one trial of a run: its config, its weights, or a model of standard layers.

    \b
    yaml     the config: for 'lcsearch run --from' and lcsearch.load_model
    weights  safetensors with the spec inside: for lcsearch.load_model
    conv     standard PyTorch layers (.pt2), runs where lcsearch is not installed
    onnx     the same as ONNX; needs lcsearch[onnx]

    Every file is run on the validation images and compared with the trained model before it gets its name.
    """  # noqa: D301
    from lcsearch.export.formats import find

    kind = _kind(kind, output)
    if fold_batch_norm and not find(kind).folds_batch_norm:
        raise InputError("means nothing to ", Named("format", kind), setting="fold_batch_norm")
    from lcsearch.core.metric import metric_words
    from lcsearch.export.check import ExportError
    from lcsearch.runs.choose import choose
    from lcsearch.runs.read import read_run

    record = read_run(run)
    metric = metric_words(record.metric)
    choice = choose(record.trials, record.baseline, metric=metric, **chosen_by)
    for line in _choice_lines(choice, record.baseline, metric):
        click.echo(line)
    from lcsearch.export.chosen import export_choice

    try:
        done = export_choice(
            record, choice, kind, output, fold_batch_norm=fold_batch_norm, retrained=retrained
        )
    except ExportError as error:
        click.echo(f"lcsearch: error: nothing was written: {error}", err=True)
        return 1
    for line in _file_lines(done, kind, metric):
        click.echo(line)
    from lcsearch.search.tracking import give_export

    give_export(record, done.path, lambda line: click.echo(line, err=True))
    return 0


def _kind(kind: str | None, output: Path | None) -> str:
    """The format that the user named, or that the file's name ends like."""
    from lcsearch.export.formats import suffixes

    known = suffixes()
    found = [] if output is None else known.get(output.suffix.lower(), [])
    if kind is None and len(found) != 1:
        names = found or plugins.names(plugins.EXPORT_FORMAT)
        ask = f"give {', '.join(names[:-1])} or {names[-1]}"
        if output is None or found:
            raise InputError(ask, setting="format")
        ending = f" in one of {', '.join(known)}"
        raise InputError(ask, " or end ", Named("output", output), ending, setting="format")
    if kind is not None and found and kind not in found:
        problem = f" looks like {' or '.join(found)}; change one of them"
        raise InputError(Named("output", output), problem, setting="format", value=kind)
    return kind or found[0]


def _choice_lines(choice: Choice, baseline: TrialRecord | None, metric: str) -> list[str]:
    lines = [f"chose {_words(choice.trial, baseline, metric)}", f"  because it is {choice.why}"]
    if choice.why.startswith("chosen"):
        lines[1] = f"  {choice.why}"
    for name, other in (("smaller", choice.smaller), ("larger", choice.larger)):
        lines.append(f"  next {name}: {_words(other, baseline, metric) if other else 'none on the front'}")
    return lines


def _words(trial: TrialRecord, baseline: TrialRecord | None, metric: str) -> str:
    from lcsearch.core.text import format_count

    unit = "%" if metric == "accuracy" else f"% {metric}"
    words = f"trial {trial.number}, {trial.accuracy:.2f} {unit}, {format_count(trial.params)} parameters"
    if baseline is not None and trial.number != baseline.number:
        drop = (trial.accuracy or 0.0) - (baseline.accuracy or 0.0)
        words += f" ({baseline.params / trial.params:.1f}x smaller, {drop:+.2f} points)"
    return words


def _file_lines(done: Exported, kind: str, metric: str) -> list[str]:
    lines = [f"wrote {done.path}: {kind}, {_bytes(done.size)} (plain backbone {_bytes(done.backbone_size)})"]
    if done.agreement is None or done.latency is None or done.about is None:
        return [*lines, "checked: it reads back as the trial's spec"]
    ours, plain = (1000 * seconds for seconds in done.latency.seconds)
    check, info = done.agreement, done.about.info
    shape = "(batch, " + ", ".join(map(str, done.about.image_shape)) + ")"
    lines.append(
        f"latency {ours:.2f} ms (plain backbone {plain:.2f} ms): median of {done.latency.runs}, one image, "
        "one CPU thread"
    )
    differ = f"outputs differ by at most {check.difference:.1e} of the largest"
    if not done.about.knows_data:
        return [
            *lines,
            f"checked on {check.images} random images, for lcsearch does not know the run's: {differ}",
            f"input: float32 {shape}, prepared as your training loop does",
        ]
    accuracy = f"{metric} {check.accuracy:.2f} %, {check.trained_accuracy:.2f} % as trained"
    checked = (
        f"checked on {check.images} random images: {differ}"
        if done.random
        else f"checked on {check.images} validation images: {differ}; {accuracy}"
    )
    return [
        *lines,
        *([done.note] if done.note else []),
        checked,
        f"input: float32 {shape}, pixels / 255, minus {_numbers(info.mean)}, divided by {_numbers(info.std)}",
    ]


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.2f} MB"
