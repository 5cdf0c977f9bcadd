"""One message for readers who write settings in different ways."""

from __future__ import annotations

import ast
import copy
import errno
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lcsearch
from lcsearch.core.errors import (
    InputError,
    Named,
    did_you_mean,
    file_fault,
    is_disk_full,
    is_disk_lost,
    no_such,
    one_line,
    reason,
    said_of,
    without_settings,
)


def shout(named: Named) -> str:
    return f"<{named.setting}|{named.value}>"


MESSAGES = [
    (InputError("the file is empty"), "the file is empty", "the file is empty"),
    (InputError("3 is odd", setting="jobs"), "jobs: 3 is odd", "<jobs|None>: 3 is odd"),
    (InputError("none", setting="data_dir", value="a"), "data_dir='a': none", "<data_dir|a>: none"),
    (
        InputError("leave it out, or use ", Named("init", "scratch"), setting="search_width"),
        "search_width: leave it out, or use init='scratch'",
        "<search_width|None>: leave it out, or use <init|scratch>",
    ),
    (InputError(Named("new_head", True), " does"), "new_head=True does", "<new_head|True> does"),
]


@pytest.mark.parametrize(("error", "python", "other"), MESSAGES)
def test_a_setting_is_written_as_its_reader_writes_it(error: InputError, python: str, other: str) -> None:
    assert str(error) == python
    assert error.said(shout) == other
    assert str(InputError("f: ", *error.parts)) == f"f: {python}"


def test_what_is_wrong_inside_is_said_of_a_setting() -> None:
    with pytest.raises(InputError) as caught, said_of("init", "a.pt"):
        try:
            raise KeyError("a")
        except KeyError as error:
            raise InputError("has no ", Named("new_head", True)) from error
    assert caught.value.said(shout) == "<init|a.pt>: has no <new_head|True>"
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(KeyError), said_of("init"):
        raise KeyError("not the user's mistake")


@pytest.mark.parametrize(("error", "python", "other"), MESSAGES)
def test_a_worker_can_send_one(error: InputError, python: str, other: str) -> None:
    for sent in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (str(sent), sent.said(shout), sent.about) == (python, other, error.about)


@pytest.mark.parametrize(
    ("error", "line", "why"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines", "two lines"),
        (KeyError(), "KeyError", "KeyError"),
        (OSError("x" * 400), "OSError: " + "x" * 291, "x" * 160),
    ],
)
def test_other_peoples_errors_fit_into_a_line(error: Exception, line: str, why: str) -> None:
    assert (one_line(error), reason(error)) == (line, why)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (ValueError(errno.ENOSPC), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error: BaseException, full: bool) -> None:
    assert is_disk_full(error) is full


@pytest.mark.parametrize(
    ("value", "choices", "advice"),
    [
        ("vgg12", ["vgg16", "vgg11", "base"], "did you mean 'vgg16' or 'vgg11'?"),
        ("vgg1", ["vgg11"], "did you mean 'vgg11'?"),
        ("abcd", ["abxy"], "did you mean 'abxy'?"),  # half of it
        ("abcd", ["axyz", "a"], "choose from a, axyz"),  # less than half
        ("abc", ["abcd", "abce", "abcf", "abcg"], "did you mean 'abcg' or 'abcf' or 'abce'?"),
        ("", ["b", "a"], "choose from a, b"),
    ],
)
def test_near_names_are_offered_and_else_all(value: str, choices: list[str], advice: str) -> None:
    assert did_you_mean(value, choices) == did_you_mean(value, iter(choices[::-1])) == advice


def test_a_name_that_nothing_has() -> None:
    assert no_such("plot", "frnt", ["front", "depth"]) == "there is no plot 'frnt'; did you mean 'front'?"
    assert no_such("plot", "frnt", iter(())) == "there is no plot 'frnt'"
    said = no_such("plot", "9", iter(["b", "a"]), "all")
    assert said == "there is no plot '9'; choose from a, b (all will do too)"
    assert no_such("plot", "9", [], "all") == "there is no plot '9' (all will do too)"


SPEAK_OPTIONS = (
    "cli/",
    "engines/ray/",
    "report/commands.py",
    "runs/inputs.py",
    "runs/settings.py",
    "runs/start_settings.py",
    "runs/work_settings.py",
)
"""The command line; Ray's own commands; commands to copy from a report; where options get their names."""


def texts(file: Path) -> Iterator[ast.Constant]:
    """The strings of a file, docstrings left out."""
    tree = ast.parse(file.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


def test_nobody_but_the_command_line_speaks_of_options() -> None:
    """A user of Python has none: a message names a setting, and the command line spells it."""
    package, option = Path(lcsearch.__file__).parent, re.compile(r"(?<![\w-])--[a-z]")
    files = {file.relative_to(package).as_posix(): file for file in sorted(package.rglob("*.py"))}
    found = [
        f"{name}:{text.lineno}: {text.value}"
        for name, file in files.items()
        if not name.startswith(SPEAK_OPTIONS)
        for text in texts(file)
        if option.search(str(text.value))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (OSError(errno.EROFS, "no"), True),
        (OSError(errno.EIO, "no"), True),
        (OSError(errno.ENOENT, "no"), False),
        (OSError("no"), False),
        (ValueError(errno.EIO), False),
    ],
)
def test_a_disk_that_is_lost_is_known_by_its_number(error: BaseException, lost: bool) -> None:
    assert is_disk_lost(error) == lost


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left", "a.pt"), "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/a"), "runs/a: Permission denied"),
        (OSError(errno.EIO, "in\ntwo  lines"), "in two lines"),
        (OSError("no number"), "no number"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(error: OSError, said: str) -> None:
    assert file_fault(error) == said


def test_without_settings_only_values_are_named() -> None:
    assert without_settings(InputError("is none", setting="init", value=3)) == "3: is none"
    assert without_settings(InputError("is missing", setting="init")) == "init: is missing"
    assert without_settings(ValueError("in\ntwo lines")) == "in two lines"
