"""Plots as PNG and SVG files, drawn by kaleido in a Chromium of this machine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import plotly.graph_objects as go

from lcsearch.core.errors import InputError, reason
from lcsearch.core.files import replacing
from lcsearch.core.records import RunRecord
from lcsearch.report.alone import themed
from lcsearch.report.drawing import draw, draw_all

ALL = "all"
"""Stands for every plot that a run has something for."""

PIXELS = (1000, 600)
"""Of an SVG, across and down; a plot with a height of its own keeps that."""

PNG_SCALE = 2
"""A PNG has so many times the pixels of an SVG."""


def chosen_figures(run: RunRecord, names: Sequence[str]) -> dict[str, go.Figure]:
    """Draw some plots of a run by name.

    Args:
        run: The run.
        names: Of `lcsearch.report.plots.names`, or ``all``.

    Raises:
        InputError: The run has nothing to show, a name is unknown, or the run has nothing for it.
    """
    if ALL in names:
        return _all_figures(run)
    chosen = {}
    for name in names:
        figure = draw(run, name).figure
        if figure is None:
            known = ", ".join(_all_figures(run))
            raise InputError(f"the run has nothing for {name!r} yet; it has {known}", setting="plot")
        chosen[name] = figure
    return chosen


def _all_figures(run: RunRecord) -> dict[str, go.Figure]:
    return {d.name: d.figure for d in draw_all(run) if d.figure is not None}


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
            "needs kaleido, which is not installed; pip install 'lcsearch[image]'",
            setting="format",
            value=kind,
        ) from None
    with ExitStack() as files:
        # Every file before the first drawing: that may take minutes.
        parts = {files.enter_context(_replacing(path)): figure for path, figure in figures.items()}
        try:
            kaleido.start_sync_server(silence_warnings=True)
            for part, figure in parts.items():
                part.write_bytes(_rendered(figure, kind))
        except (RuntimeError, ValueError, kaleido.errors.ChromeNotFoundError) as error:
            raise InputError(
                f"kaleido found no working Chrome or Chromium ({reason(error)}); "
                "install one, or write html instead",
                setting="format",
                value=kind,
            ) from None
        finally:
            kaleido.stop_sync_server(silence_warnings=True)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: not writable: {error.strerror}", setting="output") from None
    with replacing(path, setting="output") as part:
        yield part


def _rendered(figure: go.Figure, kind: str) -> bytes:
    across, down = PIXELS
    drawn = themed(figure)
    drawn.update_layout(width=across, height=figure.layout.height or down)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Plotly's remark that one browser draws all figures
        content: bytes = drawn.to_image(format=kind, scale=PNG_SCALE if kind == "png" else 1)
    return content
