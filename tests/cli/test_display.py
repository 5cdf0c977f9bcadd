"""What a run shows while it goes on, from records made by hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest
from rich.console import Console

from lcsearch.cli import display
from lcsearch.cli.display import LiveDisplay, PlainDisplay
from lcsearch.runs.settings import RunSettings
from lcsearch.search import progress

if TYPE_CHECKING:
    from lcsearch.search.history import History

SETTINGS = RunSettings("base", "digits", trials=5)


class NoTrials:
    """A history in which nothing has happened yet."""

    def __iter__(self) -> Iterator[object]:
        return iter(())

    def running(self) -> list[object]:
        return []

    front = complete = running


HISTORY = cast("History", NoTrials())


def test_a_node_that_joins_late_is_shown_in_a_file() -> None:
    out = io.StringIO()
    places = ["Ray: 1 node, 2 CPUs", "Ray: 2 nodes, 4 CPUs"]
    with PlainDisplay(Console(file=out, width=80), SETTINGS, lambda: places[0]) as shown:
        shown.tick(HISTORY)
        places.pop(0)
        shown.tick(HISTORY)
        shown.tick(HISTORY)
    assert out.getvalue() == "searching with Ray: 1 node, 2 CPUs\nnow with Ray: 2 nodes, 4 CPUs\n"


def test_a_node_that_joins_late_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(progress, "seconds_left", lambda history, settings: None)
    out = io.StringIO()
    places = ["1 node", "2 nodes"]
    console = Console(file=out, width=80, force_terminal=True)
    with LiveDisplay(console, SETTINGS, lambda: places[0]) as shown:
        shown.tick(HISTORY)
        assert "2 nodes" not in out.getvalue()
        places.pop(0)
        shown.tick(HISTORY)
        assert "2 nodes" in out.getvalue()
    assert "now with" not in out.getvalue()


def test_what_is_made_is_said_at_once_and_how_far_it_is_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with PlainDisplay(Console(file=out, width=80), SETTINGS, lambda: "1 process") as shown:
        for seconds, words in enumerate(["measuring", *(f"layer {step} of 50" for step in range(1, 51))]):
            now[0] = 100.0 + seconds
            shown.preparing(words, HISTORY)
        shown.preparing("computing", HISTORY)
    assert out.getvalue().splitlines() == [
        "searching with 1 process", "measuring",
        "layer 15 of 50", "layer 30 of 50", "layer 45 of 50", "computing",
    ]  # fmt: skip
