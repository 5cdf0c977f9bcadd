"""What is used of PyTorch's private parts, each with what public parts do where it is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def version(tensor: Tensor) -> Any:
    """How often a tensor was changed in place; where that cannot be told, what equals nothing else."""
    return getattr(tensor, "_version", object())


def _lerp_one_by_one(means: Sequence[Tensor], lives: Sequence[Tensor], weight: float) -> None:
    for mean, live in zip(means, lives, strict=True):
        mean.lerp_(live, weight)


lerp_all: Callable[[Sequence[Tensor], Sequence[Tensor], float], object] = getattr(
    torch, "_foreach_lerp_", _lerp_one_by_one
)
"""Moves each tensor of one list in place by a share of the way to its partner in another list."""


def _copy_one_by_one(into: Sequence[Tensor], of: Sequence[Tensor]) -> None:
    for one, other in zip(into, of, strict=True):
        one.copy_(other)


copy_all: Callable[[Sequence[Tensor], Sequence[Tensor]], object] = getattr(
    torch, "_foreach_copy_", _copy_one_by_one
)
"""Makes each tensor of one list in place what its partner in another list is."""

transforms_active: Callable[[], bool] = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
"""Whether ``torch.func`` may be transforming what runs now."""

_tracing: Callable[[], bool] = getattr(torch.jit, "is_tracing", lambda: False)


def recorded() -> bool:
    """Whether what runs now is compiled, exported or traced, so that it may serve other sizes later."""
    return torch.compiler.is_compiling() or _tracing()


def hooks_of(module: nn.Module) -> list[str]:
    """The kinds of hooks that a module has, as PyTorch calls them: ``forward``, ``backward_pre``."""
    kinds = (name for name, hooks in vars(module).items() if name.endswith("_hooks") and hooks)
    return [kind.removeprefix("_").removesuffix("_hooks") for kind in kinds]


def uncompiled(module: nn.Module) -> nn.Module:
    """What a module runs that ``torch.compile`` made, and any other module itself, no longer compiled.

    Without the private parts a compiled module comes back as it is.
    """
    if getattr(module, "_compiled_call_impl", None) is not None:
        module._compiled_call_impl = None
    inner = getattr(module, "_orig_mod", None) if type(module).__name__ == "OptimizedModule" else None
    return inner if isinstance(inner, nn.Module) else module


def sizes_of(grad_fn: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The sizes of what an operation that autograd keeps took and gave; None where that cannot be told."""
    given = getattr(grad_fn, "_saved_self_sym_sizes", None)
    made = getattr(grad_fn, "_input_metadata", None)
    return (tuple(given), tuple(made[0].shape)) if given and made else None
