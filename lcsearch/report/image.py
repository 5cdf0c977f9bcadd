"""Plots as PNG and SVG files, drawn by kaleido in a Chromium of this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.files import write_bytes
from lcsearch.report.data import ReportData
from lcsearch.report.plots import NAMES
from lcsearch.report.plots import figures as all_figures
from lcsearch.report.style import theme

WIDTH, HEIGHT, SCALE = 1000, 600, 2
"""Pixels of an SVG; a PNG has ``SCALE`` times as many."""


def chosen_figures(data: ReportData, names: Sequence[str]) -> dict[str, go.Figure]:
    """Return some figures of a report by name.

    Args:
        data: What the run shows.
        names: Of ``lcsearch.report.plots.NAMES``; ``all`` stands for every plot the run has.

    Raises:
        InputError: A name is unknown, or the run has nothing for it.
    """
    made = all_figures(data)
    if "all" in names:
        return made
    chosen = {}
    for name in names:
        if name not in NAMES:
            raise InputError(f"--plot: {name!r} is no plot; {did_you_mean(name, [*NAMES, 'all'])}")
        if name not in made:
            raise InputError(f"--plot: the run has nothing for {name!r} yet; it has {', '.join(made)}")
        chosen[name] = made[name]
    return chosen


def write_images(figures: Mapping[Path, go.Figure], kind: str) -> None:
    """Write figures to their files, each replaced in one step; missing folders are made.

    Args:
        figures: File to figure.
        kind: ``png`` or ``svg``.

    Raises:
        InputError: kaleido or its browser is missing, or a file is not writable.
    """
    try:
        import kaleido  # type: ignore[import-untyped]
    except ImportError:
        raise InputError(
            f"--format {kind}: needs kaleido, which is not installed; pip install 'lcsearch[image]'"
        ) from None
    for path in figures:
        _check_writable(path)
    try:
        kaleido.start_sync_server(silence_warnings=True)
        contents = {path: _rendered(figure, kind) for path, figure in figures.items()}
    except (RuntimeError, ValueError, OSError, kaleido.errors.ChromeNotFoundError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"--format {kind}: kaleido found no working Chrome or Chromium ({reason}); "
            "install one, or use --format html"
        ) from None
    finally:
        kaleido.stop_sync_server(silence_warnings=True)
    for path, content in contents.items():
        write_bytes(path, content)


def _check_writable(path: Path) -> None:
    """Find out before minutes of drawing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise InputError(f"--output: {path}: not writable")
    except OSError as error:
        raise InputError(f"--output: {path}: not writable: {error.strerror}") from None


def _rendered(figure: go.Figure, kind: str) -> bytes:
    drawn = go.Figure(figure)
    drawn.update_layout(template=go.layout.Template(layout=theme(dark=False)), paper_bgcolor="#ffffff")
    drawn.update_layout(showlegend=True, margin_r=24, width=WIDTH, height=figure.layout.height or HEIGHT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Plotly's remark that one browser draws all figures
        content: bytes = drawn.to_image(format=kind, scale=SCALE if kind == "png" else 1)
    return content
