"""``lcsearch plugins``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plugin_files import installed

from lcsearch.cli.main import call
from lcsearch.core import plugins

ENTRIES = {
    "lcsearch.samplers": {"grid": "their_search:make_grid", "tpe": "their_search:make_grid"},
    "lcsearch.export_formats": {"flat": "their_search:no_such_name"},
    "lcsearch.plots": {"cloud": "their_plots:CLOUD"},
}
MODULES = {
    "their_search": "print('hello')\ndef make_grid(seed, space): ...",
    "their_plots": "raise RuntimeError('first line\\nsecond line')",
}


def test_every_kind_that_has_anything_is_listed_and_all_of_ours_loads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(["plugins", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["plugins"]
    assert [row for row in rows if row["problem"]] == []
    assert {(row["kind"], row["name"]) for row in rows} == {
        (kind.word, name) for kind in plugins.KINDS for name in plugins.names(kind)
    }


def test_other_peoples_are_one_line_each_also_where_they_do_not_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with installed(tmp_path, "their-search", "3.1", ENTRIES, MODULES):
        assert call(["plugins"]) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if "their-search 3.1" in line]
        assert call(["plugins", "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["plugins"]
        assert call(["--help"]) == 0
        assert call(["run", "--help"]) == 0
        assert "|grid|" in capsys.readouterr().out
    assert {"kind": "sampler", "name": "grid", "from": "their-search 3.1", "problem": None} in rows
    assert [" ".join(line.split()) for line in lines] == [
        "sampler grid their-search 3.1",
        "sampler tpe their-search 3.1 not used: there is one of this name (built-in)",
        "export format flat their-search 3.1 "
        "AttributeError: module 'their_search' has no attribute 'no_such_name'",
        "plot cloud their-search 3.1 RuntimeError: first line second line",
    ]
