"""What `lcsearch.search` shows while it goes on, from records made by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hand_made import make_trial

from lcsearch.runs.settings import RunSettings
from lcsearch.search import display, progress
from lcsearch.search.display import NotebookDisplay, display_of
from lcsearch.search.history import History

SETTINGS = RunSettings("base", "digits", trials=3)
BACKBONE = make_trial(0, 90.0, 4000, "baseline", label="plain <backbone>")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """A kernel, and what one of its outputs shows, one after the other."""
    states: list[dict[str, str]] = []

    class Handle:
        def update(self, content: dict[str, str], *, raw: bool) -> None:
            states.append(content)

    def show(content: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert states == [], "there is one output"
        states.append(content)
        return Handle()

    shell, displays = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel="a kernel")  # type: ignore[attr-defined]
    displays.display = show  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    monkeypatch.setattr(display, "_REFRESH_SECONDS", 0.0)
    return states


def session(history: History) -> Any:
    director, engine = SimpleNamespace(history=history), SimpleNamespace(describe=lambda: "1 process")
    return SimpleNamespace(settings=SETTINGS, director=director, engine=engine)


def test_a_notebook_has_one_output_that_changes(shown: list[dict[str, str]]) -> None:
    history = History([BACKBONE])
    running = make_trial(1, None, 900, state="running", epochs=(55.0,))
    seen = display_of(session(history), quiet=False)
    assert isinstance(seen, NotebookDisplay)
    seen.ended(BACKBONE, history)
    history.update(
        replace(running, spec=replace(running.spec, recipe=replace(running.spec.recipe, epochs=4)))
    )
    seen.tick(history)
    lines = shown[-1]["text/plain"].splitlines()
    assert lines[0].startswith("1/3 trials · 0s, about ")
    assert lines[1:] == [
        "1 process",
        "front: 4.00k 90.0 %",
        "trial 1  900 params  epoch 2/4  55.00 % ",
        "[1/3] trial 0: 90.00 %, 4.00k params (plain <backbone>)",
    ]
    assert '<progress value="1" max="3">' in shown[-1]["text/html"]
    assert "(plain &lt;backbone&gt;)" in shown[-1]["text/html"] and "\x1b" not in shown[-1]["text/html"]
    history.update(make_trial(1, 80.0, 900))
    seen.close(["report: run/report.html"])
    assert shown[-1]["text/plain"].splitlines() == [
        "2/3 trials · 0s",
        "front: 900 80.0 % · 4.00k 90.0 %",
        "[1/3] trial 0: 90.00 %, 4.00k params (plain <backbone>)",
        "report: run/report.html",
    ]


def test_old_lines_make_room(shown: list[dict[str, str]]) -> None:
    seen = display_of(session(History()), quiet=False)
    for number in range(20):
        seen.say(f"line {number}")
    seen.close()
    assert [line for line in shown[-1]["text/plain"].splitlines() if "line" in line] == [
        f"line {number}" for number in range(12, 20)
    ]


def test_elsewhere_lines_go_to_stderr_unless_nothing_is_to_be_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    history = History([BACKBONE])
    for quiet in (False, True):
        seen = display_of(session(history), quiet=quiet)
        seen.ended(BACKBONE, history)
        seen.close(["the end"])
    assert capsys.readouterr().err == "[1/3] trial 0: 90.00 %, 4.00k params (plain <backbone>)\nthe end\n"


def test_what_is_made_before_trials_is_shown(
    shown: list[dict[str, str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a notebook in place of trials; in a file each new thing, and its steps after a while of silence."""
    history = History([BACKBONE])
    display_of(session(history), quiet=False).preparing("layer 3 of 22", history)
    assert shown[-1]["text/plain"].splitlines()[1:] == ["1 process", "front: 4.00k 90.0 %", "layer 3 of 22"]
    monkeypatch.delitem(sys.modules, "IPython")
    plain = display_of(session(history), quiet=False)
    for words in ("fitting", "layer 3 of 22"):
        plain.preparing(words, history)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.0)
    plain.preparing("layer 4 of 22", history)
    assert capsys.readouterr().err == "fitting\nlayer 4 of 22\n"
