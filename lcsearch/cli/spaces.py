"""``lcsearch spaces``: the search spaces that are shipped, and one to edit for any backbone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lcsearch.core.errors import InputError, Named


@click.command()
@click.option("--backbone", metavar="NAME", help="Show the space of this backbone, as a file to edit.")
@click.option(
    "--write", "path", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a new file instead."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def spaces(backbone: str | None, path: Path | None, as_json: bool) -> None:
    """List the search spaces, or write one to edit."""
    if path is not None and backbone is None:
        raise InputError(
            "needs ", Named("backbone", "NAME"), ", whose space is to be written", setting="write"
        )
    if backbone is None:
        _list(as_json)
        return
    if path is not None and path.exists():
        raise InputError(f"{path} already exists; choose another name", setting="write")
    text, plain = _space_of(backbone)
    if path is not None:
        _write(path, text, backbone)
    if as_json:
        click.echo(json.dumps({"backbone": backbone, "space": plain, "written": path and str(path)}))
    elif path is None:
        click.echo(text, nl=False)


def _space_of(backbone: str) -> tuple[str, dict[str, object]]:
    import torch

    from lcsearch.core.spec import ModelSpec
    from lcsearch.nets import surgery
    from lcsearch.search import space

    template = ModelSpec(backbone, num_classes=10, in_channels=3)
    with torch.device("meta"):
        model = surgery.build_model(template)
    found = space.load_space(None, backbone)
    return space.to_yaml(backbone, space.bind(found, model, template)), found.to_plain()


def _write(path: Path, text: str, backbone: str) -> None:
    from lcsearch.core.files import write_text

    write_text(path, text, setting="write")
    click.echo(f"wrote {path}; use it with: lcsearch run --backbone {backbone} --space {path}", err=True)


def _list(as_json: bool) -> None:
    from lcsearch.search.space.files import load_space, space_folder, space_names

    rows = []
    for name in space_names():
        path = space_folder() / f"{name}.yaml"
        backbone = load_space(str(path), name).backbone
        about = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        rows.append({"name": name, "backbone": backbone, "description": about, "path": str(path)})
    if as_json:
        click.echo(json.dumps({"spaces": rows}))
        return
    for row in rows:
        click.echo(f"{row['name']:<12} {row['description']}")
    click.echo("\n'lcsearch spaces --backbone NAME --write FILE' writes one to edit, for any backbone.")
