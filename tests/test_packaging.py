"""Files that install lcsearch elsewhere say what pyproject.toml and scripts/test.sh say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from lcsearch.core.packages import EXTRAS

TOP = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
CONDA = {"torch": "pytorch", "ray[tune]": "ray-tune"}
"""What conda calls a requirement of pip."""


def recipe() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((TOP / "conda" / "recipe.yaml").read_text())
    return loaded


def as_conda(requirement: str) -> str:
    """``ray[tune]>=2.50,<2.61`` is ``ray-tune >=2.50,<2.61`` there."""
    name, bounds = re.fullmatch(r"([\w.-]+(?:\[\w+\])?)(.*)", requirement).groups()  # type: ignore[union-attr]
    return f"{CONDA.get(name, name)} {bounds}".strip()


def test_the_conda_recipe_wants_what_pyproject_wants() -> None:
    wanted = {f"python {PROJECT['requires-python']}", *map(as_conda, PROJECT["dependencies"])}
    assert set(recipe()["requirements"]["run"]) == wanted
    backend = tomllib.loads((TOP / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(map(as_conda, backend)) <= set(recipe()["requirements"]["host"])


def test_the_conda_recipe_describes_the_same_package() -> None:
    made = recipe()
    assert made["context"]["version"] == PROJECT["version"] and made["package"]["name"] == PROJECT["name"]
    commands = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert made["build"]["python"]["entry_points"] == commands
    assert (made["about"]["license"], made["about"]["summary"]) == (
        PROJECT["license"],
        PROJECT["description"],
    )


def test_commits_are_checked_with_the_commands_of_test_sh() -> None:
    lines = (TOP / "scripts" / "test.sh").read_text().splitlines()
    programs = [line.split(" > ")[0].replace('"', "") for line in lines if line.startswith('"$bin/')]
    checks = {line.removeprefix("$bin/") for line in programs if "-m pytest" not in line}
    config = yaml.safe_load((TOP / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    at_commit = [hook["entry"] for hook in hooks if "stages" not in hook]
    assert set(at_commit) == checks and len(at_commit) == len(checks) == 4
    at_push = [hook["entry"] for hook in hooks if hook.get("stages") == ["pre-push"]]
    assert at_push == ["scripts/test.sh --fast"]
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in hooks)


def test_each_extra_is_tried_alone_by_a_use_of_its_own() -> None:
    script = (TOP / "scripts" / "extra_uses.sh").read_text()
    uses = set(re.findall(r"^use_(\w+)\(\)", script, re.MULTILINE))
    assert uses == set(PROJECT["optional-dependencies"]) >= set(EXTRAS)


def test_the_page_about_installing_names_each_extra() -> None:
    page = (TOP / "docs" / "install.md").read_text()
    assert [name for name in set(EXTRAS) - {"zoo"} if f"`{name}`" not in page] == []
