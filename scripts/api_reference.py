"""Writes the API reference of lcsearch into a folder, with pdoc.

    python scripts/api_reference.py FOLDER [MODULE...]

Of every public module, or of those that are named.
"""

from __future__ import annotations

import pkgutil
import sys
import warnings
from pathlib import Path

import pdoc

import lcsearch


def public_modules() -> list[str]:
    """The dotted names of lcsearch and of what lies in it; what begins with ``_`` is left out."""
    inner = (found.name for found in pkgutil.walk_packages(lcsearch.__path__, "lcsearch."))
    return ["lcsearch", *(name for name in inner if "._" not in name)]


def main(folder: str, *modules: str) -> None:
    for name in lcsearch.__all__:  # pdoc looks for what is there already
        setattr(lcsearch, name, getattr(lcsearch, name))
    # pdoc does not know which module's names the __init__ of a named tuple speaks of.
    warnings.filterwarnings("ignore", "Error parsing type annotation")
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc(*(modules or public_modules()), output_directory=Path(folder))
    print(f"{folder}/index.html")


if __name__ == "__main__":
    main(*sys.argv[1:])
