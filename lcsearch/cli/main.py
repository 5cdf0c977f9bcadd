"""The entry point: finds a command by its file, and turns the user's mistakes into one line."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

import click

from lcsearch.cli.shells import add_shells
from lcsearch.cli.versions import say_versions
from lcsearch.core.errors import HaltError, InputError, file_fault, no_such

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

COMMANDS = {
    "run": "Search for smaller models of a backbone.",
    "resume": "Go on with a run after a stop or a crash, or for longer.",
    "status": "Show trials by state, the front and what was spent.",
    "report": "Write the report of a run.",
    "view": "Serve the report on this machine and open it.",
    "export": "Take a trial home: config, weights, or a model that runs anywhere.",
    "retrain": "Train the front longer with several seeds, then test it once.",
    "compare": "Put the fronts of several runs on one plot.",
    "sensitivity": "Show what each layer of a trained net loses when compressed alone.",
    "profile": "Count parameters and multiply-accumulates, layer by layer.",
    "backbones": "List the backbones.",
    "datasets": "List the data sets and where they are found.",
    "spaces": "List the search spaces, or write one to edit.",
    "plugins": "List what is found by name, where it is from, and what does not load.",
    "doctor": "Say what works on this machine: devices, data sets, extras.",
}
"""Command name to its help line; ``lcsearch.cli.NAME`` holds the command under the same name."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None where there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"lcsearch.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name.

        Raises:
            InputError: There is no such command.
        """
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise InputError(no_such("command", args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=say_versions,
    help="Show the versions of lcsearch and of what it runs on.",
)
def cli() -> None:
    r"""Search for smaller CNNs: per-layer alpha, rank and sparsity of LinearConv layers.

    \b
    Start with:  lcsearch run --backbone vgg11
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0 done, 2 wrong input, 130 interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
    sys.exit(call(arguments))


def call(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    add_shells()
    try:
        result: Any = cli.main(args=arguments, prog_name="lcsearch", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except InputError as error:
        from lcsearch.cli.options import as_option

        return _complain(error.said(as_option), 2)
    except click.NoSuchOption as error:
        return _complain(_gone(error.option_name) or _one_line(error), 2)
    except click.ClickException as error:
        return _complain(_one_line(error), 2)
    except HaltError as error:
        return _complain(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        return _complain(file_fault(error), 1)


def _complain(message: str, code: int) -> int:
    click.echo(f"lcsearch: error: {' '.join(message.split())}", err=True)
    return code


def _gone(option: str) -> str | None:
    """What to do instead of an option of an older version; None for one that never was."""
    from lcsearch.runs.inputs import GONE

    instead = GONE.get(option.lstrip("-").replace("-", "_"))
    return instead and f"{option}: {instead}"


def _one_line(error: click.ClickException) -> str:
    message = error.format_message()
    command = getattr(getattr(error, "ctx", None), "command_path", "lcsearch")
    return f"{message} (see '{command} --help')" if isinstance(error, click.UsageError) else message
