from __future__ import annotations

import pytest
from click.testing import CliRunner
from simulated_search import session

from lcsearch.cli.compare import compare
from lcsearch.cli.main import call


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name in ("one", "two"):
        with session(folder / name, trials=8, seed=len(name)) as opened:
            opened.run()
    return [str(folder / "one"), str(folder / "two")]


def test_it_writes_one_page(runs, tmp_path):
    path = tmp_path / "both.html"
    result = CliRunner().invoke(compare, [*runs, "-o", str(path)])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(path)
    assert "Runs compared" in path.read_text()


def test_bad_input(runs, tmp_path, capsys):
    for arguments, words in (
        ([runs[0]], "at least two"),
        ([], "RUN"),
        ([runs[0], str(tmp_path)], "not a run directory"),
        ([*runs, "-o", str(tmp_path / "missing" / "a.html")], "not writable"),
    ):
        assert call(["compare", *arguments]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert words in line
