"""The search space: a YAML file, validated; bound to a backbone, it turns a sampler's choices into specs."""

from __future__ import annotations

from lcsearch.search.space.binding import bind
from lcsearch.search.space.bound import BoundSpace
from lcsearch.search.space.files import load_space, parse_space, space_names, space_path
from lcsearch.search.space.kinds import check_kinds, with_kinds
from lcsearch.search.space.schema import Space
from lcsearch.search.space.template import to_yaml

__all__ = [
    "BoundSpace",
    "Space",
    "bind",
    "check_kinds",
    "load_space",
    "parse_space",
    "space_names",
    "space_path",
    "to_yaml",
    "with_kinds",
]
