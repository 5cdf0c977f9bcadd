"""What is pickled of functions that no other process can import."""

from __future__ import annotations

import functools
import json
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import pytest

from lcsearch.core.by_value import culprit, dumps, goes_by_name, is_interactive

CELLS = """
import functools

CALLS = []
FACTOR = 3

class Tripled:
    def __init__(self, number):
        self.number = FACTOR * number

@functools.cache
def read(number):
    CALLS.append(number)
    return Tripled(number).number

def total(numbers):
    return [sum(map(read, numbers)), sum(map(read, numbers)), list(CALLS)]

def adder(more):
    return lambda numbers: total([*numbers, more])

added = adder(10)
"""

ELSEWHERE = "import pickle, sys; print([function([1, 2]) for function in pickle.load(sys.stdin.buffer)])"


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a kernel calls ``__main__``, after some cells."""
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(CELLS, main.__dict__)
    return main


def test_cells_work_in_another_process_with_what_they_use(notebook: Any) -> None:
    """Also where functions remember their answers, each process its own."""
    notebook.read(2)
    notebook.CALLS.clear()
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=dumps([notebook.total, notebook.added]),
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.decode().strip() == "[[9, 9, [1, 2]], [39, 39, [1, 2, 10]]]", done.stderr.decode()


def test_in_a_notebook_nothing_goes_by_name(notebook: Any) -> None:
    assert is_interactive()
    assert pickle.loads(pickle.dumps(notebook.total)) is notebook.total, "which is why pickle cannot tell"
    assert not goes_by_name(notebook.total) and not goes_by_name(json.dumps)
    assert pickle.loads(dumps(json.dumps)) is json.dumps
    assert pickle.loads(dumps(remembers)) is remembers


@functools.cache
def remembers(number: int) -> int:
    return number


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is run; processes of pytest-xdist run none."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "program.py", raising=False)


@pytest.mark.usefixtures("program")
def test_in_a_program_only_what_can_be_imported_goes_by_name() -> None:
    assert not is_interactive()
    assert goes_by_name(json.dumps) and goes_by_name(functools.partial(json.dumps, "x"))
    assert not goes_by_name(lambda: 1) and not goes_by_name(functools.partial(lambda: 1))


@pytest.mark.usefixtures("program")
def test_a_shell_of_ipython_is_interactive_whatever_runs_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = ModuleType("IPython")
    shell.get_ipython = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not is_interactive()
    shell.get_ipython = lambda: "a shell"  # type: ignore[attr-defined]
    assert is_interactive()


def test_the_variable_that_cannot_be_pickled_is_named(notebook: Any) -> None:
    assert culprit(notebook.total) == ""
    notebook.FACTOR = Lock()
    assert culprit(notebook.total) == "FACTOR"


class Holder:
    def __init__(self, held: object) -> None:
        self.held = held


def test_it_is_found_in_arguments_and_attributes() -> None:
    lock = Lock()
    assert culprit(functools.partial(print, 1, held=lock)) == "held"
    assert culprit(functools.partial(print, 1, lock)) == "argument 1"
    assert culprit(lambda: lock) == "lock"
    assert culprit(Holder(Holder(lock))) == "held"
