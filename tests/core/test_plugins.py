from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from plugin_files import installed

from lcsearch.core import plugins
from lcsearch.core.errors import InputError

GROUP = plugins.SAMPLER.group


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[None]:
    """One distribution: a sampler that works, one with a built-in's name, three that do not load."""
    samplers = {
        "grid": "grid_search:GRID",
        "random": "grid_search:GRID",
        "halton": "grid_search:HALTON",
        "broken": "grid_broken:GRID",
        "leaves": "grid_leaves:GRID",
    }
    modules = {
        "grid_search": "GRID = 'a grid'",
        "grid_broken": "import there_is_no_such_package",
        "grid_leaves": "import sys\nsys.exit('no GPU here')",
    }
    with installed(tmp_path, "grid-search", "1.2", {GROUP: samplers}, modules):
        yield


def test_built_in_names_are_the_files_of_a_package() -> None:
    assert plugins.names(plugins.SAMPLER) == ["gp", "nsga2", "qmc", "random", "recombine", "tpe"]
    assert plugins.names(plugins.ENGINE) == ["local", "ray"]
    assert "fashion-mnist" in plugins.names(plugins.DATA_SET)


def test_a_package_that_does_not_exist_holds_nothing() -> None:
    empty = replace(plugins.TRACKER, package="lcsearch.no.such", group="lcsearch.no_such")
    assert plugins.names(empty) == []
    with pytest.raises(InputError, match=r"^track: there is no tracker 'wandb'$"):
        plugins.find(empty, "wandb")


@pytest.mark.usefixtures("grid")
def test_an_entry_point_is_found_beside_the_built_in_ones() -> None:
    assert plugins.names(plugins.SAMPLER) == [
        "broken", "gp", "grid", "halton", "leaves", "nsga2", "qmc", "random", "recombine", "tpe",
    ]  # fmt: skip
    assert plugins.find(replace(plugins.SAMPLER, contract=""), "grid") == "a grid"


@pytest.mark.usefixtures("grid")
def test_names_import_nothing() -> None:
    sys.modules.pop("grid_search", None)
    plugins.names(plugins.SAMPLER)
    assert "grid_search" not in sys.modules


def test_an_unknown_name_gets_the_nearest_and_what_else_will_do() -> None:
    with pytest.raises(InputError, match=r"^sampler: there is no sampler 'tpee'; did you mean 'tpe'\?$"):
        plugins.find(plugins.SAMPLER, "tpee")
    with pytest.raises(InputError, match=r"did you mean 'vgg11'\? \(torchvision:NAME, timm:NAME or package"):
        plugins.find(plugins.BACKBONE, "vgg12")


@pytest.mark.usefixtures("grid")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken", "ModuleNotFoundError: No module named 'there_is_no_such_package'"),
        ("leaves", "ImportError: its module leaves Python with 'no GPU here'"),
        ("halton", "AttributeError: module 'grid_search' has no attribute 'HALTON'"),
    ],
)
def test_one_that_does_not_load_is_one_line(name: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        plugins.find(plugins.SAMPLER, name)
    assert str(caught.value).endswith(f"sampler {name!r} (grid-search 1.2) does not load: {reason}")


@pytest.mark.usefixtures("grid")
def test_what_breaks_the_contract_is_refused() -> None:
    kind = replace(plugins.SAMPLER, contract="fractions:Fraction")
    with pytest.raises(InputError, match=r"TypeError: grid_search:GRID is a str, not a Fraction$"):
        plugins.find(kind, "grid")


@pytest.mark.usefixtures("grid")
def test_the_list_says_where_from_and_what_failed() -> None:
    found = {(p.name, p.origin): p.problem for p in plugins.listed() if p.kind.word == "sampler"}
    assert found["random", "built-in"] is None
    assert found["random", "grid-search 1.2"] == "not used: there is one of this name (built-in)"
    assert "there_is_no_such_package" in (found["broken", "grid-search 1.2"] or "")


def test_of_two_distributions_the_first_on_the_path_has_the_name(tmp_path: Path) -> None:
    for folder in ("far", "near"):
        (tmp_path / folder).mkdir()
    kind = replace(plugins.SAMPLER, contract="")
    modules = {"far_grid": "GRID = 'far'"}
    with (
        installed(tmp_path / "far", "far", "1", {GROUP: {"grid": "far_grid:GRID"}}, modules),
        installed(
            tmp_path / "near",
            "near",
            "2",
            {GROUP: {"grid": "near_grid:GRID"}},
            {"near_grid": "GRID = 'near'"},
        ),
    ):
        assert plugins.find(kind, "grid") == "near"
        problems = [(p.origin, p.problem) for p in plugins.listed() if p.name == "grid"]
    assert ("far 1", "not used: there is one of this name (near 2)") in problems


def test_no_family_is_called_what_means_no_family_in_spaces(tmp_path: Path) -> None:
    entries = {plugins.FAMILY.group: {"none": "lcsearch.layers.families.linear:FAMILY"}}
    with installed(tmp_path, "nobody", "1.0", entries, {}):
        with pytest.raises(InputError, match=r"^family 'none' \(nobody 1.0\) does not load: .* which means"):
            plugins.find(plugins.FAMILY, "none")
        assert [p.problem for p in plugins.listed() if p.name == "none" and p.kind is plugins.FAMILY] != [
            None
        ]


def test_a_distribution_on_the_path_twice_is_one(tmp_path: Path) -> None:
    for folder in ("copy", "original"):
        (tmp_path / folder).mkdir()
    entries = {GROUP: {"grid": "twice_grid:GRID"}}
    modules = {"twice_grid": "GRID = 'a grid'"}
    with (
        installed(tmp_path / "original", "grid", "1", entries, modules),
        installed(tmp_path / "copy", "grid", "2", entries, modules),
    ):
        assert [p.origin for p in plugins.listed() if p.name == "grid"] == ["grid 2"]


def test_a_damaged_distribution_hides_no_other(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged-1.dist-info"
    damaged.mkdir()
    (damaged / "entry_points.txt").write_text(f"[{GROUP}]\nno value\n")
    with installed(tmp_path, "whole", "1", {GROUP: {"grid": "whole_grid:GRID"}}, {"whole_grid": "GRID = 1"}):
        assert "grid" in plugins.names(plugins.SAMPLER)


def test_the_registry_does_not_import_torch() -> None:
    code = "import sys; from lcsearch.core import plugins; [plugins.names(k) for k in plugins.KINDS]; "
    assert subprocess.run([sys.executable, "-c", f"{code}sys.exit('torch' in sys.modules)"]).returncode == 0
