"""One message for readers who write settings in different ways."""

from __future__ import annotations

import copy
import pickle

import pytest

from lcsearch.core.errors import InputError, Named


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


@pytest.mark.parametrize(("error", "python", "other"), MESSAGES)
def test_a_worker_can_send_one(error: InputError, python: str, other: str) -> None:
    for sent in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (str(sent), sent.said(shout), sent.about) == (python, other, error.about)
