"""``lcsearch profile``, called in this process."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from lcsearch.cli.profile import profile
from lcsearch.core.errors import InputError


def invoke(*arguments: str) -> Result:
    """Its result; an error of the user's is raised."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(profile, arguments)
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def as_json(*arguments: str) -> dict[str, Any]:
    """What it prints with ``--json``."""
    found: dict[str, Any] = json.loads(invoke(*arguments, "--json").stdout)
    return found
