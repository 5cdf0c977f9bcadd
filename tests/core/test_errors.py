"""One message for readers who write settings in different ways."""

from __future__ import annotations

import copy
import pickle

import pytest

from lcsearch.core.errors import InputError, Named, said_of


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
