"""Executed notebooks as pages of the site: their text, their cells, and what these showed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any


def page_of(notebook: Path) -> str:
    """A notebook as Markdown, with its pictures inside."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _parts(cell)) + "\n"


def _parts(cell: Mapping[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
    elif cell["cell_type"] == "code":
        yield f"```python\n{source}\n```"
        yield from filter(None, map(_shown, cell["outputs"]))


def _shown(output: Mapping[str, Any]) -> str:
    """What an output looks like without a kernel: a picture before HTML, HTML before text."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(data["image/png"]).replace("\n", "")
        return f'<img alt="The figure that this cell shows" src="data:image/png;base64,{picture}">'
    if "text/html" in data:
        return f"<div>{''.join(data['text/html'])}</div>"
    text = "".join(data.get("text/plain", output.get("text", ""))).rstrip()
    return f"<pre>{escape(text)}</pre>" if text else ""
