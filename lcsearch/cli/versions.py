"""``lcsearch --version``: the version, and those of what it runs on, asked of no package itself."""

from __future__ import annotations

import click

from lcsearch import __version__

BENEATH = ("torch", "torchvision", "optuna", "ray", "plotly")
"""What results and reports depend on most."""


def versions() -> dict[str, str]:
    """Versions by name, lcsearch's own first; what is not installed has none."""
    import platform

    return {"lcsearch": __version__, "python": platform.python_version()} | {
        name: _version(name) or "missing" for name in BENEATH
    }


def say_versions(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print them and leave, where they are asked for."""
    if wanted and not context.resilient_parsing:
        own, *others = versions().items()
        click.echo(f"{' '.join(own)} ({', '.join(' '.join(one) for one in others)})")
        context.exit()


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
