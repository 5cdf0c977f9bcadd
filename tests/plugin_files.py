"""Distributions with entry points, as pip would leave them on the path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lcsearch.core import plugins


@contextmanager
def installed(
    folder: Path,
    name: str,
    version: str,
    entries: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str],
) -> Iterator[None]:
    """Put a distribution on the path.

    Args:
        folder: Where its files go.
        name: The distribution's name.
        version: Its version.
        entries: By group: name to ``module:attribute``.
        modules: Module name to its source.
    """
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, objects in entries.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in objects.items()), ""]
    (about / "entry_points.txt").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        plugins.forget()
        try:
            yield
        finally:
            plugins.forget()
