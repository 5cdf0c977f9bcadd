"""Where search space files are: shipped ones by name, any other by path."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lcsearch.core.errors import InputError, Named, did_you_mean
from lcsearch.core.strict import validate
from lcsearch.core.yaml import read_yaml
from lcsearch.nets.backbones import plain_form
from lcsearch.search.space.schema import Space

GENERIC = "generic"


def space_folder() -> Path:
    """The shipped files: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "search_spaces"
    return installed if installed.is_dir() else package.parent / "search_spaces"


def space_names() -> list[str]:
    """The names of the shipped spaces, in alphabetical order."""
    return sorted(path.stem for path in space_folder().glob("*.yaml"))


def space_path(name_or_path: str | None, backbone: str) -> Path:
    """The file of a space.

    Args:
        name_or_path: A shipped name or a path; None for the backbone's own space, or the generic one.
        backbone: A name that ``lcsearch.nets.backbones.build`` takes.

    Raises:
        InputError: There is no such file.
    """
    names = space_names()
    if name_or_path is None:
        name_or_path = backbone if backbone in names else GENERIC
    if name_or_path in names:
        return space_folder() / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if not path.exists():
        advice = did_you_mean(name_or_path, names)
        problem = f"there is no file {name_or_path!r} and no space of this name; {advice}"
        raise InputError(problem, setting="space")
    return path


def load_space(name_or_path: str | None, backbone: str) -> Space:
    """Read the space for a backbone.

    Args:
        name_or_path: As for ``space_path``.
        backbone: As for ``space_path``.

    Raises:
        InputError: There is no such file, something in it is not allowed, or it is for another backbone.
    """
    path = space_path(name_or_path, backbone)
    space = parse_space(read_yaml(path), str(path))
    if not fnmatchcase(plain_form(backbone), plain_form(space.backbone)):
        problem = f"{path}: backbone: {space.backbone!r} does not match "
        raise InputError(problem, Named("backbone", backbone))
    return space


def parse_space(plain: Any, name: str) -> Space:
    """Validate a space's plain data, such as ``Space.to_plain()`` returns.

    Args:
        plain: The data.
        name: The file or whatever else it came from, for the message.

    Raises:
        InputError: Something in it is not allowed.
    """
    return validate(Space, plain, name)
