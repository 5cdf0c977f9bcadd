"""Drives a session from the terminal: display, Ctrl-C, and what is said at the end."""

from __future__ import annotations

import sys

from rich.console import Console

from lcsearch.cli.display import LiveDisplay, PlainDisplay
from lcsearch.cli.main import INTERRUPTED
from lcsearch.cli.tables import front_table
from lcsearch.cli.textplot import text_plot
from lcsearch.search.finish import Finish
from lcsearch.search.session import SearchSession


def drive(session: SearchSession) -> int:
    """Run a session to its end, showing it, and say what came of it.

    Returns:
        The exit code: 0 done, 1 stopped by a fault, 130 interrupted.
    """
    console = Console(stderr=True, highlight=False)
    with session:
        for line in session.introduction():
            console.print(line, markup=False, soft_wrap=True)
        kind = LiveDisplay if console.is_terminal else PlainDisplay
        with kind(console, session.settings, session.engine.describe) as display:
            session.watch(display)
            problem = session.run(lambda line: console.print(line, markup=False, soft_wrap=True))
        finish = session.finish()
    return _say(session, finish, problem, console)


def _say(session: SearchSession, finish: Finish, problem: str | None, console: Console) -> int:
    out = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    if finish.front:
        out.print(text_plot(finish.trials, metric=finish.metric), markup=False, soft_wrap=True)
        out.print(front_table(finish.trials, finish.chosen, finish.metric))
    for line in finish.lines:
        out.print(line, markup=False, soft_wrap=True)
    resume = f"lcsearch resume {session.path}"
    if problem is not None:
        advice = f"; '{resume}' goes on" if session.can_go_on else ""
        console.print(f"lcsearch: error: {problem}{advice}", markup=False, soft_wrap=True)
        return 1
    if session.director.interrupted:
        console.print(f"interrupted; '{resume}' goes on", markup=False, soft_wrap=True)
        return INTERRUPTED
    return 0
