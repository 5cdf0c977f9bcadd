"""How trackers are made of what a user says."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_files import installed

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.runs import trackers

SOURCE = """
from lcsearch.runs.trackers import Tracker

class Upper(Tracker):
    def __init__(self, place):
        super().__init__(place.upper())

def offline(place):
    raise ConnectionError(f"no route to {place}\\n(it may be down)")
"""
ENTRIES = {plugins.TRACKER.group: {"upper": "their_trackers:Upper", "offline": "their_trackers:offline"}}


def test_each_place_once_by_the_name_that_the_tracker_gives_it(tmp_path: Path) -> None:
    with installed(tmp_path, "theirs", "1", ENTRIES, {"their_trackers": SOURCE}):
        made = trackers.make(["upper:http://a:80", "upper:HTTP://A:80", "upper:b"])
    assert {name: tracker.place for name, tracker in made.items()} == {
        "upper:HTTP://A:80": "HTTP://A:80",
        "upper:B": "B",
    }


def test_one_that_raises_where_it_is_made_is_one_line(tmp_path: Path) -> None:
    theirs = installed(tmp_path, "theirs", "1", ENTRIES, {"their_trackers": SOURCE})
    with theirs, pytest.raises(InputError) as caught:
        trackers.make(["upper:b", "offline:b"])
    problem = "ConnectionError: no route to b (it may be down)"
    assert str(caught.value) == f"track: offline:b cannot be written to: {problem}"
