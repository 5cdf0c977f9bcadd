"""Pages about the code name what is there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import lcsearch
from lcsearch import testing
from lcsearch.core.plugins import KINDS

TOP = Path(__file__).resolve().parents[1]
PACKAGES = [path.name for path in (TOP / "lcsearch").iterdir() if path.is_dir()]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_path_and_link_on_a_page_is_there(page: str) -> None:
    text = (TOP / page).read_text()
    places = "|".join(["lcsearch", "scripts", "tests", "docs", *PACKAGES])
    named = re.findall(rf"`((?:{places})/[a-z_0-9/.]*)`", text)
    missing = [path for path in named if not (_there(TOP / path) or _there(TOP / "lcsearch" / path))]
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    missing += [link for link in links if not (TOP / page).parent.joinpath(link).exists()]
    assert len(named) > 15 and missing == []


def test_each_kind_of_what_people_add_is_on_its_page_and_in_the_template() -> None:
    page = (TOP / "docs" / "plugins.md").read_text()
    template = TOP / "tests" / "plugin_package"
    entries = (template / "pyproject.toml").read_text()
    sections = dict(re.findall(r"^- \*\*([\w ]+)\*\* \(`(\w+\.py)`", page, re.MULTILINE))
    assert {word.lower() for word in sections} == {kind.word for kind in KINDS}
    assert all((template / "lcsearch_example" / file).is_file() for file in sections.values())
    assert all(f"`{kind.group}`" in page and f'"{kind.group}"' in entries for kind in KINDS)


def _there(path: Path) -> bool:
    return path.exists() or path.with_suffix(".py").exists()


def test_each_kind_of_what_people_add_has_its_row_and_its_suite() -> None:
    table = (TOP / "CONTRIBUTING.md").read_text().split("| a new |")[1].split("\n\n")[0]
    rows = [[cell.strip("` ") for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]
    assert {word: cells for word, *cells, _ in rows} == {
        kind.word: [kind.package.replace(".", "/"), kind.attribute, kind.contract, kind.group]
        for kind in KINDS
        if find_spec(kind.package)
    }
    assert sorted(row[-1] for row in rows) == sorted(testing.__all__)


def test_the_reference_has_all_that_is_public_and_each_contract_with_its_suite() -> None:
    public = (TOP / "docs" / "api.md").read_text()
    names = [name for name in lcsearch.__all__ if name != "__version__"]
    assert [name for name in names if f"heading: lcsearch.{name}}}" not in public] == []
    shown = (TOP / "docs" / "contracts.md").read_text().split()
    contracts = [kind.contract.replace(":", ".") for kind in KINDS]
    assert [name for name in contracts if name not in shown] == []
    assert [name for name in testing.__all__ if f"lcsearch.testing.{name}" not in shown] == []
