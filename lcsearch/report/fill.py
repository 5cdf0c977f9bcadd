"""Pages out of templates: what is put into one is escaped, unless the template says that it is our own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lcsearch.core.text import format_count

_SCRIPTS = ("data.js", "theme.js", "plots.js", "brush.js", "legend.js", "trial.js", "live.js", "start.js")
"""In the order in which the page runs them."""


def fill(name: str, **values: Any) -> str:
    """Fill in a template of this package.

    Args:
        name: Its file's name.
        values: What it shows; all of what it names must be given.
    """
    return _environment().get_template(name).render(values)


def document(name: str, data: dict[str, Any], **values: Any) -> str:
    """Fill in a page that draws plots: with plotly.js, our style and scripts, and data for the scripts.

    Args:
        name: The template's file name.
        data: What the scripts read: at least ``figures`` and ``themes``.
        values: What the template shows; at least ``title``, plain text.
    """
    from plotly.offline import get_plotlyjs

    scripts = [get_plotlyjs(), *map(_asset, _SCRIPTS)]
    return fill(name, data=data, style=_asset("page.css"), scripts=scripts, **values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("lcsearch.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": format_count, "percent": _percent, "times": _times}
    # As small as it gets, in the order given; what JSON does not know must not get into the page.
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return made


def _asset(name: str) -> str:
    return files("lcsearch.report").joinpath("assets", name).read_text(encoding="utf-8")


def _percent(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{accuracy:.2f} %"


def _times(factor: float) -> str:
    return f"{factor:.{0 if factor >= 9.95 else 1}f}×"
