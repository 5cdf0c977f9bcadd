"""Prints the shape of the code: packages, import floors, circles of imports, and what is too long.

    python scripts/structure.py [--picture]

With --picture, only the picture of the packages that docs/architecture.md shows.

A floor is one more than the highest floor that is imported; the ground imports nothing of lcsearch. Packages
count as one each, and so do the scripts together. Imports inside functions and under TYPE_CHECKING count too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
_FAMILY_FIELDS = re.compile(r"\.alpha|\.rank\b|\.sparsity")

Graph = dict[str, set[str]]


def module_name(file: Path) -> str:
    """The dotted name of a file below the repository's root."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path, modules: Iterable[str]) -> set[str]:
    """The modules of lcsearch that a file imports, wherever the import stands."""
    known, found = set(modules), set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                found.add(inner if inner in known else node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found & known


def file_graph() -> Graph:
    """Who imports whom, file by file."""
    files = {module_name(file): file for file in sorted((ROOT / "lcsearch").rglob("*.py"))}
    del files["lcsearch.__main__"]  # python -m lcsearch: Python asks for it there, and it holds nothing
    return {name: imports(file, files) - {name} for name, file in files.items()}


def package_of(module: str) -> str:
    """The package directly under ``lcsearch`` that holds a module, or the loose module itself."""
    return ".".join(module.split(".")[:2])


def package_graph(files: Mapping[str, set[str]]) -> Graph:
    """Who imports whom, package by package, with the scripts as one above them all."""
    graph: Graph = {}
    for name, targets in files.items():
        here = package_of(name)
        graph.setdefault(here, set()).update({package_of(target) for target in targets} - {here})
    used = {target for file in (ROOT / "scripts").glob("*.py") for target in imports(file, files)}
    return {**graph, "scripts": {package_of(target) for target in used}}


def picture(packages: Mapping[str, set[str]]) -> list[str]:
    """A Mermaid flowchart of the packages; what follows from other arrows has none of its own."""
    names = {name for name in packages if name.startswith("lcsearch.")}
    rooms = {name: packages[name] & names for name in names}
    heights, lines = floors(rooms), ["flowchart TD"]
    for name in sorted(names, key=lambda name: (-heights[name], name)):
        needed = rooms[name] - {far for target in rooms[name] for far in _reachable(rooms, target)}
        lines += [f"    {name.split('.')[1]} --> {target.split('.')[1]}" for target in sorted(needed)]
    return lines


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of names that import each other, directly or around corners."""
    reach = {name: _reachable(graph, name) for name in graph}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other])
        for name in graph
        if name in reach[name]
    }
    return sorted(sorted(group) for group in groups)


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def floors(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """The floor of each name; names in a circle stand on one floor.

    Args:
        graph: Who imports whom.
    """
    together = {name: frozenset(group) for group in circles(graph) for name in group}
    known: dict[frozenset[str], int] = {}

    def floor(group: frozenset[str]) -> int:
        if group not in known:
            below = {together.get(t, frozenset([t])) for name in group for t in graph[name]} - {group}
            known[group] = 1 + max(map(floor, below), default=0)
        return known[group]

    return {name: floor(together.get(name, frozenset([name]))) for name in graph}


def too_long() -> list[str]:
    """Files and functions over the limits, in the package, the scripts and the tests."""
    found = []
    for folder in ("lcsearch", "scripts", "tests"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            text, name = file.read_text(encoding="utf-8"), file.relative_to(ROOT)
            if text.count("\n") > LONGEST_FILE:
                found.append(f"{name}: {text.count(chr(10))} lines")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or 0) - node.body[0].lineno + 1
                    if lines > LONGEST_FUNCTION:
                        found.append(f"{name}:{node.lineno}: {node.name} has {lines} lines")
    return found


def family_fields() -> list[str]:
    """Lines outside the layers that know a family's own fields by name."""
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted((ROOT / "lcsearch").rglob("*.py"))
        if package_of(module_name(file)) != "lcsearch.layers"
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if _FAMILY_FIELDS.search(line)
    ]


def between(graph: Mapping[str, set[str]], name: str, start: str, end: str) -> list[str]:
    """The modules on the way from one to another, by imports, whose code says a name.

    Args:
        graph: Who imports whom, file by file.
        name: An identifier, or a string.
        start: A module that imports them, however indirectly.
        end: A module that they import.
    """
    reach = {module: _reachable(graph, module) for module in graph}
    return [
        module
        for module in sorted(reach[start])
        if end in reach[module] and module != start and _says(module, name)
    ]


def _says(module: str, name: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    words = (
        word
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for word in (getattr(node, "id", ""), getattr(node, "arg", ""), getattr(node, "attr", ""),
                     getattr(node, "value", ""))
    )  # fmt: skip
    return name in words


def _print_list(title: str, lines: Iterable[str]) -> None:
    entries = list(lines)
    print(f"{title}: {len(entries)}")
    for entry in entries:
        print(f"  {entry}")


def main() -> None:
    files = file_graph()
    packages = package_graph(files)
    if "--picture" in sys.argv[1:]:
        print("\n".join(picture(packages)))
        return
    heights = floors(packages)
    folder = ROOT / "lcsearch"
    rooms = sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py")))
    print(f"packages under lcsearch: {len(rooms)} ({', '.join(rooms)})")
    print(f"loose files: {', '.join(sorted(path.name for path in folder.iterdir() if path.is_file()))}")
    print(f"import floors: {max(heights.values())}")
    for height in range(max(heights.values()), 0, -1):
        print(f"  {height}  {', '.join(name for name in sorted(heights) if heights[name] == height)}")
    for kind, graph in (("packages", packages), ("files", files)):
        _print_list(f"circles of {kind}", (" <-> ".join(group) for group in circles(graph)))
    way = between(files, "epochs", "lcsearch.cli.run", "lcsearch.train.loop")
    _print_list("modules that say epochs between the command and the training loop", way)
    _print_list("lines outside layers that name a family's fields", family_fields())
    _print_list(f"files over {LONGEST_FILE} lines, functions over {LONGEST_FUNCTION}", too_long())


if __name__ == "__main__":
    main()
