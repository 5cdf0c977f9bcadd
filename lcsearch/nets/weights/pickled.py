"""What checkpoints hold beside tensors: an allow-list of kinds of objects, each read as a stand-in.

A pickle names classes and functions and says what to call them with. ``torch.load(weights_only=True)`` calls
what ``torch.serialization.safe_globals`` allows, and refuses all else. We allow names that are common in
checkpoints, but give our own harmless classes for them: nothing that a file names is imported or called, and
packages that are not installed make no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class LeftOut:
    """Stands for an object that holds no weights; takes whatever a pickle gives it, and keeps nothing."""

    def __new__(cls, *args: object) -> LeftOut:
        """Make one, whatever the object was made of."""
        return super().__new__(cls)

    def __init__(self, *args: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        """Forget what the object held."""


class PlainDict:
    """Stands for a class of dictionaries: what is made of it is a ``dict``."""

    def __new__(cls, *args: object) -> Any:
        """Make a dictionary; a pickle fills it afterwards."""
        return {}


_PATHS = ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
_LEFT_OUT: dict[str, tuple[str, ...]] = {
    "argparse": ("Namespace",),
    "builtins": (
        "bool",
        "bytes",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "range",
        "slice",
        "str",
        "tuple",
    ),
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "numpy": ("dtype", "ndarray"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy.dtypes": ("BoolDType", "Float16DType", "Float32DType", "Float64DType", "Int32DType", "Int64DType"),
    "omegaconf.base": ("ContainerMetadata", "Metadata"),
    "omegaconf.dictconfig": ("DictConfig",),
    "omegaconf.listconfig": ("ListConfig",),
    "omegaconf.nodes": ("AnyNode", "BooleanNode", "FloatNode", "IntegerNode", "StringNode"),
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,
    "types": ("SimpleNamespace",),
    "typing": ("Any",),
    "uuid": ("UUID",),
}
_DICTS: dict[str, tuple[str, ...]] = {
    "collections": ("defaultdict",),
    "lightning.fabric.utilities.data": ("AttributeDict",),
    "lightning.pytorch.utilities.parsing": ("AttributeDict",),
    "lightning_fabric.utilities.data": ("AttributeDict",),
    "pytorch_lightning.utilities.parsing": ("AttributeDict",),
}


def stand_ins() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """The allow-list, as ``torch.serialization.safe_globals`` takes it."""
    left_out = [(LeftOut, name) for name in _full_names(_LEFT_OUT)]
    return [*left_out, *((PlainDict, name) for name in _full_names(_DICTS))]


def _full_names(allowed: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{module}.{name}" for module, names in allowed.items() for name in names]
