"""The notebook of the docs: what it holds, and that it runs from its first cell to its last."""

from __future__ import annotations

import ast
import html
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcsearch.core.records import TrialRecord
from lcsearch.runs.read import read_run

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def code_cells(notebook: Any) -> dict[str, Any]:
    return {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}


def kinds(cell: Any) -> list[str]:
    """What a cell shows: streams by name, else the richest type that a notebook shows."""
    shown = []
    for output in cell["outputs"]:
        types = set(output.get("data", ())) - {"image/png"}
        shown.append(output.get("name") or max(types, key=["text/plain", "text/html", PLOTLY].index))
    return shown


PLOTLY = "application/vnd.plotly.v1+json"


def test_the_one_in_the_docs_is_small_whole_and_of_no_machine() -> None:
    text = NOTEBOOK.read_text()
    assert len(text) < 300_000 and "plotly.js v" not in text
    assert not re.search(r'"[^"]*/(root|home|tmp|Users)/', text)
    cells = code_cells(json.loads(text))
    assert [cell["execution_count"] for cell in cells.values()] == list(range(1, len(cells) + 1))
    assert all(output["output_type"] != "error" for cell in cells.values() for output in cell["outputs"])
    assert all("image/png" in output["data"] for output in cells["layers"]["outputs"]), "no scripts run there"


@pytest.fixture(scope="module")
def run_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder in which it ran, and its cells afterwards."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    folder = tmp_path_factory.mktemp("notebook")
    script = runpy.run_path(str(ROOT / "scripts" / "notebook.py"))
    yield folder, code_cells(script["executed"](folder))


def front_by_hand(trials: list[TrialRecord]) -> list[TrialRecord]:
    """Smallest first, each more accurate than all smaller ones."""
    front: list[TrialRecord] = []
    done = [t for t in trials if t.state == "complete" and t.duplicate_of is None]
    for trial in sorted(done, key=lambda t: (t.params, -(t.accuracy or 0.0), t.number)):
        if not front or (trial.accuracy or 0.0) > (front[-1].accuracy or 0.0):
            front.append(trial)
    return front


@pytest.mark.long
@pytest.mark.slow
def test_every_cell_runs_and_shows_what_it_should(run_in: tuple[Path, dict[str, Any]]) -> None:
    folder, cells = run_in
    kept = code_cells(json.loads(NOTEBOOK.read_text()))
    assert {name: kinds(cell) for name, cell in cells.items()} == {
        name: kinds(cell) for name, cell in kept.items()
    }
    everything = read_run(folder / "runs" / "digits").trials
    (progress,), (table, plot) = cells["search"]["outputs"], cells["run"]["outputs"]
    assert progress["data"]["text/plain"].startswith("20/20 trials")
    (count,) = re.findall(r": (\d+) trials", table["data"]["text/plain"])
    trials = list(everything[: int(count)])
    assert sum(t.state in ("complete", "pruned") and t.duplicate_of is None for t in trials) == 20
    front = front_by_hand(trials)
    rows = re.findall(r"<td>(\d+)</td>\n<td>([\d.]+) %</td>", html.unescape(table["data"]["text/html"]))
    assert rows[: len(front)] == [(str(t.number), f"{t.accuracy:.2f}") for t in front]
    (line,) = [trace for trace in plot["data"][PLOTLY]["data"] if trace["name"] == "front"]
    assert line["customdata"] == [t.number for t in front]
    assert ast.literal_eval(answer(cells["data"])) == [
        (t.number, t.params, round(t.accuracy or 0.0, 1)) for t in front
    ]
    enough = (trials[0].accuracy or 0.0) - 0.5
    best = min(t.params for t in front if (t.accuracy or 0.0) >= enough)
    assert int(answer(cells["best"])) == best
    assert f"{len(everything)} trials" in cells["more"]["outputs"][0]["text"]


def answer(cell: Any) -> str:
    (output,) = cell["outputs"]
    text: str = output["data"]["text/plain"]
    return text
