"""``lcsearch doctor``: what works on this machine, a line each."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import click

_WIDTH, _INDENT = 80, 21
_KEPT = "\N{NO-BREAK SPACE}"
"""Stands for a space at which no line ends."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        words: How it is; a command in it is `_whole`.
        good: Whether it works; None where it is not there, and nothing has to be.
    """

    name: str
    words: str
    good: bool | None = True


@click.command()
def doctor() -> int:
    """Say what works on this machine: devices, data sets, extras, Ray, plug-ins.

    The exit code is 1 if something fails; what is only not installed does not.
    """
    failed = False
    for finding in findings():
        failed |= finding.good is False
        mark = {True: "ok", False: "FAILS", None: "-"}[finding.good]
        lead = f"{mark:<6}{finding.name:<15}"
        lines = textwrap.fill(
            lead + finding.words, _WIDTH, subsequent_indent=" " * _INDENT, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
        click.echo(lines.replace(_KEPT, " "))
    return int(failed)


def _whole(command: str) -> str:
    """A command, which stays in one line so that it can be copied."""
    return command.replace(" ", _KEPT)


def findings() -> Iterator[Finding]:
    """Look at one thing after the other."""
    from lcsearch.cli.versions import versions

    found = versions()
    missing = [name for name, version in found.items() if version == "missing"]
    words = ", ".join(f"{name} {version}" for name, version in found.items())
    yield Finding("versions", words, not missing)
    yield from _device()
    yield from _data_sets()
    yield from _extras()
    yield _ray()
    yield _browser()
    yield from _plugins()


def _device() -> Iterator[Finding]:
    from lcsearch.core.device import pick_device
    from lcsearch.core.errors import InputError
    from lcsearch.core.machine import device_name
    from lcsearch.train.precision import check_precision

    try:
        device = pick_device("auto")
        check_precision("float32", device)
    except (InputError, RuntimeError) as error:
        yield Finding("device", str(error), False)
        return
    yield Finding("device", f"{device} ({device_name(device)}), {os.cpu_count()} CPU cores")
    try:
        check_precision("bfloat16", device)
        yield Finding("precision", "float32 and bfloat16; a run takes what it measures to be faster")
    except InputError as error:
        yield Finding("precision", f"float32 alone: {error}", None)


def _data_sets() -> Iterator[Finding]:
    from lcsearch import data

    rows = [data.describe(name) for name in data.names()]
    here = [row.name for row in rows if row.found and not row.problem]
    yield Finding("data sets here", ", ".join(here))
    away = [row.name for row in rows if not row.found and not row.problem]
    yield Finding("downloaded", f"when needed: {', '.join(away)}", None)
    for row in rows:
        if row.problem:
            yield Finding("data set", f"{row.name}: {row.problem}", False)


def _extras() -> Iterator[Finding]:
    from lcsearch.core.packages import EXTRAS, installed

    for name, (packages, purpose) in EXTRAS.items():
        there = all(installed(package) for package in packages)
        install = _whole(f"pip install 'lcsearch[{name}]'")
        words = purpose if there else f"{purpose}: {install}"
        yield Finding(name, words, True if there else None)


def _ray() -> Finding:
    from lcsearch.core.packages import installed

    there = installed("ray")
    install = _whole("pip install 'ray[tune]'")
    return Finding("ray", "--engine ray" if there else f"not installed; {install}", there)


def _browser() -> Finding:
    chosen = os.environ.get("BROWSER_PATH")
    found = next(filter(None, map(shutil.which, [chosen] if chosen else _BROWSERS)), None)
    where = f"no program at BROWSER_PATH={chosen}" if chosen else "none found"
    command = _whole("'report --format png'")
    return Finding("chromium", found or f"{where}; {command} needs it", True if found else None)


def _plugins() -> Iterator[Finding]:
    from lcsearch.core.plugins import listed

    with contextlib.redirect_stdout(sys.stderr):  # where somebody's module says something when imported
        found = listed()
    broken = [one for one in found if one.problem]
    others = [one for one in found if one.origin != "built-in" and not one.problem]
    names = ", ".join(f"{one.name} ({one.kind.word})" for one in others) or "none of other packages"
    yield Finding("plug-ins", names)
    for one in broken:
        yield Finding("plug-in", f"{one.kind.word} {one.name} of {one.origin}: {one.problem}", False)
