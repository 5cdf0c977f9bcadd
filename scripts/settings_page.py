"""Prints docs/settings.md: a table of every setting, from its declaration.

python scripts/settings_page.py > docs/settings.md
"""

from __future__ import annotations

from collections.abc import Iterable

from lcsearch.runs.inputs import INPUTS
from lcsearch.runs.setting import GROUPS, Setting
from lcsearch.runs.settings import RECORDED
from lcsearch.runs.words import allowed, default

TITLES = {
    "data": "Data and net",
    "search": "Search",
    "training": "Training",
    "start": "Where models start",
    "workers": "Who runs trials, and where",
    "run": "The run",
}
HEAD = """# Settings

Every setting of a run. `scripts/settings_page.py` makes this page from the declarations in
`lcsearch/runs/settings.py` and `lcsearch/runs/inputs.py`; do not edit it.

A setting has one name: `--max-params` on the command line is the argument `max_params` of `lcsearch.search`,
and `settings.max_params` in a run's `run.yaml`. What is marked with * can also be given to `lcsearch resume`:
it alters the result of no trial that has ended.
"""
COLUMNS = ("setting", "what it is", "values", "default", "taken by")


def page() -> str:
    """The whole page."""
    of_runs = [one for one in INPUTS if {"run", "search", "resume"} & set(one.takes)]
    parts = [HEAD]
    for group in GROUPS:
        parts.append(_table(TITLES[group], (one for one in of_runs if one.group == group)))
    for command in ("retrain", "sensitivity"):
        own = (one for one in INPUTS if one.takes == (command,))
        parts.append(_table(f"Of `lcsearch {command}` alone", own))
    parts.append(_kept())
    return "\n".join(parts)


def _table(title: str, settings: Iterable[Setting]) -> str:
    rows = [_row(one) for one in settings]
    return "\n".join([f"## {title}\n", _line(COLUMNS), _line(["---"] * len(COLUMNS)), *map(_line, rows), ""])


def _row(one: Setting) -> tuple[str, ...]:
    name = f"`{one.name}`{' *' if 'resume' in one.takes else ''}"
    if one.option:
        name += f" (`{one.option}`)"
    takers = ", ".join(taker for taker in one.takes if taker != "resume")
    needed = [f"needed by {', '.join(one.required)}"] if one.required else []
    usual = [default(one)] if default(one) else []
    return name, one.help, allowed(one), "; ".join([*needed, *usual]), takers


def _kept() -> str:
    rows = [(f"`{one.name}`", one.help, allowed(one)) for one in RECORDED.values() if not one.takes]
    lines = [_line(("key", "what it is", "values")), _line(["---"] * 3), *map(_line, rows)]
    return "\n".join(["## What only `run.yaml` has\n", *lines, ""])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(page(), end="")
