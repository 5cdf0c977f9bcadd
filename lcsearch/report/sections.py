"""The page's HTML: headings, words, tables, and the places where plots go. Everything is escaped here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.text import format_count
from lcsearch.report.data import ReportData
from lcsearch.report.importance import FEWEST_TRIALS, LEAST_EXPLAINED
from lcsearch.report.interpolate import Needed
from lcsearch.report.layerdata import HeatMap
from lcsearch.report.parallel import Parallel
from lcsearch.report.progress import LearningCurves
from lcsearch.report.verdict import NAMES, TargetRow

_THEME = '<button id="theme" type="button" title="Switch between light and dark">◐ theme</button>'


def body(run: RunRecord, data: ReportData, drawn: Collection[str]) -> str:
    """Return the HTML of the page's body.

    Args:
        run: The run.
        data: What is shown.
        drawn: Names of the figures there are; a section without its figure says why.
    """
    made = set(drawn)
    parts = [
        heading(data.title, data.facts),
        _verdict(data),
        _front(run, data),
        _section("Where the parameters are", _heat_words(data.heat_map), ["layers"], made),
        _section("Which choices matter", _importance_words(data), ["importance"], made),
        _section("All choices at once", _parallel_words(data.parallel), ["parallel"], made),
        _section("Learning curves", _learning_words(data.learning), ["learning"], made),
        _section(
            "Would more search help?",
            data.progress.advice
            if data.progress
            else "The backbone has not finished, so there is no box to measure.",
            ["hypervolume", "hypervolume-time"],
            made,
            ("epochs", "time"),
        ),
        _section("Who ran what when", "Each bar is a trial; click one to see it above.", ["timeline"], made),
    ]
    return "<main>\n" + "\n".join(parts) + "\n</main>"


def heading(title: str, facts: Sequence[str]) -> str:
    """Return the top of a page."""
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f'<header><div><h1>{escape(title)}</h1><ul class="facts">{listed}</ul></div>{_THEME}</header>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Return a table of plain text; the first column is left-aligned, the others are numbers."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def plot(names: Sequence[str], label: str, switch: Sequence[str] = ()) -> str:
    """Return the place of a plot: its switch, its legend and the box it is drawn in."""
    buttons = "".join(
        f'<button type="button" data-figure="{name}" aria-pressed="{"true" if place == 0 else "false"}">'
        f"{escape(word)}</button>"
        for place, (name, word) in enumerate(zip(names, switch, strict=False))
    )
    group = (
        f'<div class="switch" role="group" aria-label="{escape(label)}: axis">{buttons}</div>'
        if switch
        else ""
    )
    return (
        f'<div class="figure">{group}<div class="legend"></div>'
        f'<div class="scroll"><div class="plot" id="plot-{names[0]}" data-figure="{names[0]}" role="img" '
        f'aria-label="{escape(label)}"></div></div></div>'
    )


def _section(
    name: str, words: str, names: Sequence[str], drawn: Collection[str], switch: Sequence[str] = ()
) -> str:
    shown = plot(names, name, switch) if names[0] in drawn else ""
    if not shown and names[0] == "timeline":
        words = "No trial has run yet."
    return f"<section><h2>{escape(name)}</h2><p>{escape(words)}</p>{shown}</section>"


def _verdict(data: ReportData) -> str:
    verdict = data.verdict
    sentences = "".join(f"<p>{escape(s)}</p>" for s in verdict.sentences)
    sentences += "".join(f'<p class="start">{escape(_sentence(s))}</p>' for s in data.start)
    compared = ""
    if verdict.rows:
        kinds = [kind for kind in NAMES if kind == "search" or kind in verdict.rows[0].needed]
        head = ["parameters for", *kinds]
        compared = table(head, [_target(row, kinds) for row in verdict.rows], "numbers")
    return (
        f'<section id="verdict" class="card"><h2>{escape(verdict.heading)}</h2>'
        f'<div class="verdict"><div>{sentences}</div>{compared}</div></section>'
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _target(row: TargetRow, kinds: Sequence[str]) -> list[str]:
    name = "backbone's" if not row.drop else f"{row.drop:g} less:"
    cells = [_needed(row.needed.get(kind)) for kind in kinds]
    return [f"{name} {row.accuracy:.1f} %", *cells]


def _needed(needed: Needed | None) -> str:
    if needed is None:
        return "–"
    return ("≤ " if needed.at_most else "") + format_count(needed.params)


def _front(run: RunRecord, data: ReportData) -> str:
    below = data.by_params.below
    hidden = ""
    if below:
        hidden = f" {below} {'lies' if below == 1 else 'lie'} below what is shown: double-click to see all."
    place = plot(["front", "front-macs"], "Accuracy against size", ("parameters", "MACs"))
    panel = '<aside id="panel" class="card" aria-live="polite"></aside>'
    by_number = {t.number: t for t in run.trials}
    front = [by_number[p.trial] for p in data.by_params.front]
    return (
        "<section><h2>Accuracy against size</h2>"
        f"<p>Every dot is a trial; up and left is better. Click one to see its layers.{hidden}</p>"
        f'<div class="split"><div>{place}</div>{panel}</div>{_front_table(front, run.baseline)}</section>'
    )


def _front_table(front: Sequence[TrialRecord], baseline: TrialRecord | None) -> str:
    if not front:
        return "<p>No trial is complete yet.</p>"
    shown = [*front, *([baseline] if baseline and baseline not in front else [])]
    tuned = ["before tuning"] if any(trial.accuracy_before is not None for trial in shown) else []
    words = ("front", "accuracy", *tuned, "parameters", "fewer", "MACs", "what")
    head = "".join(f'<th scope="col">{word}</th>' for word in words)
    rows = []
    for trial in shown:
        fewer = _times(baseline.params / trial.params) if baseline and trial is not baseline else ""
        before = [_percent(trial.accuracy_before)] if tuned else []
        sizes = (format_count(trial.params), fewer, format_count(trial.macs))
        cells = (_percent(trial.accuracy), *before, *sizes)
        numbers = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        button = f'<button type="button" data-trial="{trial.number}">#{trial.number}</button>'
        what = escape(trial.label or "searched")
        rows.append(f'<tr><td>{button}</td>{numbers}<td class="words">{what}</td></tr>')
    return (
        '<div class="scroll"><table class="numbers" id="front-table"><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _percent(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{accuracy:.2f} %"


def _heat_words(data: HeatMap | None) -> str:
    if data is None:
        return "There is no front to compare with the backbone yet."
    return (
        "The share of each layer's parameters that each front model keeps. "
        "Click a column to see its model above."
    )


def _importance_words(data: ReportData) -> str:
    found = data.importance
    if found is None:
        return f"It takes {FEWEST_TRIALS} complete trials that differ to say."
    words = (
        "How much accuracy and parameters change when one choice is shuffled among the trials, "
        "as shares of all change."
    )
    if found.explained < LEAST_EXPLAINED:
        return (
            f"{words} From {found.trials} trials accuracy could not be predicted "
            f"(R² {found.explained:.2f} on unseen trials): take its bars as noise."
        )
    return (
        f"{words} Learned from {found.trials} trials; it predicts unseen ones with R² {found.explained:.2f}."
    )


def _parallel_words(data: Parallel | None) -> str:
    if data is None:
        return "It takes two complete trials that differ."
    drawn = "" if len(data.lines) == data.of else f" {len(data.lines)} of {data.of} trials are drawn."
    return (
        "Each line is a trial; layers show the share of parameters kept. "
        "With a mouse, drag over a stretch of an axis to pick out the trials that pass it; "
        f"double-click to end.{drawn}"
    )


def _learning_words(data: LearningCurves | None) -> str:
    if data is None:
        return "No epoch has finished yet."
    drawn = "" if len(data.curves) == data.of else f" {len(data.curves)} of {data.of} trials are drawn."
    rungs = " and ".join(map(str, data.rungs))
    stops = f" Trials are compared after epoch {rungs}, and hopeless ones stopped." if data.rungs else ""
    cut = any(curve.epochs[0] == 0 for curve in data.curves)
    zero = " Epoch 0 is a model just cut out of the backbone." if cut else ""
    return f"Validation accuracy after each epoch.{zero}{stops}{drawn}"


def _times(factor: float) -> str:
    return f"{factor:.{0 if factor >= 9.95 else 1}f}×"
