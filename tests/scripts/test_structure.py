"""The shape that the code keeps: packages, import floors, circles, and what is too long."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def structure(*arguments: str) -> str:
    command = [sys.executable, ROOT / "scripts" / "structure.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def said() -> str:
    return structure()


def number(said: str, what: str) -> int:
    found = re.search(rf"^{what}: (\d+)", said, re.MULTILINE)
    assert found is not None, f"{what!r} is not in {said}"
    return int(found[1])


def test_thirteen_packages_and_three_loose_files(said: str) -> None:
    assert number(said, "packages under lcsearch") == 13
    assert "\nloose files: __init__.py, __main__.py, py.typed\n" in said


def test_imports_go_one_way_and_not_too_high(said: str) -> None:
    assert number(said, "import floors") <= 9
    assert number(said, "circles of packages") == number(said, "circles of files") == 0


def test_a_setting_is_named_in_few_modules_on_its_way(said: str) -> None:
    assert number(said, "modules that say epochs between the command and the training loop") <= 5


def test_families_alone_know_their_fields(said: str) -> None:
    assert number(said, "lines outside layers that name a family's fields") == 0


def test_files_and_functions_are_short(said: str) -> None:
    assert number(said, "files over 300 lines, functions over 40") == 0, said


def test_the_documented_picture_is_that_of_the_imports() -> None:
    assert f"```mermaid\n{structure('--picture')}```\n" in (ROOT / "docs" / "architecture.md").read_text()
