"""What may be said of a setting in words, for help and docs: what it allows, and its default."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from lcsearch.core.normalisation import Normalisation
from lcsearch.core.plugins import names
from lcsearch.core.spec import Recipe
from lcsearch.runs.setting import Rule, Setting, unwrapped
from lcsearch.runs.values import Check

_TYPES = {
    int: "a whole number",
    float: "a number",
    bool: "yes or no",
    str: "text",
    Recipe: "a recipe",
    Normalisation: "a mean and a deviation for each channel",
}
_PLACEHOLDERS = {int: "INTEGER", float: "NUMBER", str: "TEXT"}
_BOUNDS = ((Ge, "ge", "at least"), (Gt, "gt", "above"), (Le, "le", "at most"), (Lt, "lt", "below"))


def allowed(setting: Setting) -> str:
    """The values that a setting may have: ``a whole number, at least 1``."""
    if setting.plugin is not None and not setting.repeated:
        return "a name that `lcsearch plugins` lists"
    return ", ".join([_type(setting), *bounds(setting)])


def bounds(setting: Setting) -> list[str]:
    """What a value has to meet beside its type: ``at least 1``."""
    found = []
    for part in setting.bounds:
        found += [f"{word} {getattr(part, name):g}" for kind, name, word in _BOUNDS if isinstance(part, kind)]
        found += [part.words] if isinstance(part, Check) and not part.first else []
    return found


def default(setting: Setting) -> str:
    """What a setting is where the user leaves it to us; empty where that is nothing at all."""
    value = setting.default
    if isinstance(value, Rule):
        return value.words
    if value is None or value is False or value == ():
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def placeholder(setting: Setting) -> str:
    """What stands for a value in help: ``INTEGER``, ``pareto|median|none``."""
    if setting.metavar:
        return setting.metavar
    if setting.plugin is not None:
        return "|".join(names(setting.plugin))
    if get_origin(setting.base) is Literal:
        return "|".join(get_args(setting.base))
    for part in setting.bounds:
        if isinstance(part, Check) and part.metavar:
            return part.metavar
    kind = get_args(setting.base)[0] if setting.repeated else setting.base
    return _PLACEHOLDERS[unwrapped(kind)[0]]


def _type(setting: Setting) -> str:
    for part in setting.bounds:
        if isinstance(part, Check) and part.first and part.words:
            return part.words
    if get_origin(setting.base) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(setting.base))
    if get_origin(setting.base) is tuple:
        return "several: " + _type(replace(setting, kind=get_args(setting.base)[0]))
    return f"`{setting.metavar}`" if setting.base is str and setting.metavar else _TYPES[setting.base]
