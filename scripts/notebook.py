"""Run the notebook of the docs from its first cell to its last, and keep what its cells show.

    python scripts/notebook.py

A minute on two CPU cores, in a folder that is removed afterwards. Plots are kept as Plotly's data, and as PNG
(drawn by Chromium) for pages that run no scripts.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"
SECONDS = 300
"""The longest that a cell may take."""


def executed(folder: Path, **environment: str) -> Any:
    """Run the notebook in a kernel of its own.

    Args:
        folder: The kernel's working directory.
        environment: Variables of the kernel, beside those of this process.

    Returns:
        The notebook with new outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raised.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=SECONDS, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=os.environ | environment)
    return notebook


def main() -> None:
    with TemporaryDirectory() as folder:
        notebook = executed(Path(folder), PLOTLY_RENDERER="plotly_mimetype+png")
    nbformat.write(notebook, NOTEBOOK)  # type: ignore[no-untyped-call]
    print(f"{NOTEBOOK}: {NOTEBOOK.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
