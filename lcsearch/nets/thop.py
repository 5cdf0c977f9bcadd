"""thop, which counts what layers compute while a model runs, under the conditions that it needs.

thop 0.1.1 takes ``LooseVersion`` from ``distutils``, which left Python in 3.12 and which setuptools lends
until it drops it (pypa/setuptools#5273); a stand-in holds its place while thop is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import packaging.version
import torch
from torch import Tensor, nn

Rule = Callable[[Any, tuple[Tensor], Tensor], None]
"""Adds to a module's ``total_ops``, given the module, its inputs and its output."""

_Info = tuple[float, float, dict[str, Any]]  # operations, parameters, the same of each child by its name


@contextmanager
def _distutils_stand_in() -> Iterator[None]:
    names = ("distutils", "distutils.version")
    stand_ins = {name: ModuleType(name) for name in names}
    stand_ins["distutils.version"].__dict__["LooseVersion"] = packaging.version.Version
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)


with _distutils_stand_in():
    import thop


def profile(
    model: nn.Module, input_shape: tuple[int, int, int], rule_for: Callable[[nn.Module], Rule | None]
) -> dict[str, int]:
    """Run a model on one image and count.

    Args:
        model: A model of which nothing else is wanted: thop leaves buffers in it.
        input_shape: Channels, height and width of the image.
        rule_for: How a module counts; None for one that costs nothing.

    Returns:
        Operations by module name, its children's included. A shared module has one name.
    """
    some = next(model.parameters(), torch.empty(0))
    # thop visits a shared module once per name and would count it as often; ``modules()`` names it once.
    model.apply = lambda visit: [visit(module) for module in model.modules()]  # type: ignore
    rules = {type(module): rule_for(module) for module in model.modules()}  # thop matches exact types
    with torch.device("cpu"):  # thop's counters need values
        image = torch.zeros(1, *input_shape, device=some.device, dtype=some.dtype)
        info: _Info = thop.profile(model, (image,), rules, verbose=False, ret_layer_info=True)
    return dict(_by_name(info))


def _by_name(info: _Info, name: str = "") -> Iterator[tuple[str, int]]:
    operations, _, children = info
    yield name, round(operations)
    for child, inner in children.items():
        yield from _by_name(inner, f"{name}.{child}" if name else child)
