"""The user's own functions, given on the command line as ``package.module:function``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lcsearch.core.errors import InputError, did_you_mean, one_line
from lcsearch.core.text import kind_of

_INSTALLED = ("site-packages", "dist-packages")


def find_function(setting: str, name: str) -> Callable[..., Any]:
    """Import a function; the current directory is searched too, as ``python -m`` does.

    Args:
        setting: The setting that takes it, for messages.
        name: ``package.module:function``.

    Raises:
        InputError: The name has another form, or there is nothing callable there.
    """
    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *attribute.split(".")]):
        raise InputError("not of the form package.module:function", setting=setting, value=name)
    module = _import(setting, name, module_name)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            functions = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
            advice = f"; {did_you_mean(attribute, functions)}" if functions else ""
            problem = f"module {module_name!r} has no {attribute!r}{advice}"
            raise InputError(problem, setting=setting, value=name)
        found = getattr(found, part)
    if not callable(found):
        problem = f"{attribute!r} is {kind_of(found)}, not a function"
        raise InputError(problem, setting=setting, value=name)
    return found  # type: ignore[no-any-return]


def call_function(setting: str, name: str, arguments: dict[str, Any]) -> Any:
    """Find a function, and call it with those of the arguments that it has parameters for.

    Raises:
        InputError: It cannot be found, or it raises.
    """
    function = find_function(setting, name)
    taken = {key: value for key, value in arguments.items() if key in parameters(function)}
    try:
        return function(**taken)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the function raised {one_line(error)}", setting=setting, value=name) from error


def module_folders(modules: Iterable[str]) -> list[str]:
    """The folders that modules are imported from, without those that packages are installed in.

    Args:
        modules: Their names; one that is not found is left out, and so is ``__main__``.
    """
    tops = (module.split(".")[0] for module in modules if module != "__main__")
    found = dict.fromkeys(map(_folder_of, tops))
    return [str(folder) for folder in found if folder is not None and folder.name not in _INSTALLED]


def look_in(folders: Iterable[str]) -> None:
    """Let modules be imported from these folders too, where they are found nowhere else."""
    sys.path.extend(folder for folder in folders if folder not in sys.path)


def parameters(function: Callable[..., Any]) -> frozenset[str]:
    """Names of a function's parameters; none where Python cannot tell."""
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()


def _folder_of(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    if spec is None:
        return None
    package = list(spec.submodule_search_locations or ())
    place = package[0] if package else spec.origin
    return None if place is None else Path(place).resolve().parent


def _import(setting: str, name: str, module_name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        problem = f"cannot import {module_name!r}: {one_line(error)}"
        raise InputError(problem, setting=setting, value=name) from error
