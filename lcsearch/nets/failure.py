"""Why a net does not run, in one line: which of its layers failed, and what that layer was given.

The size of the images is blamed only where the same net runs on images of another size.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from lcsearch.core.errors import InputError, Named, one_line
from lcsearch.core.text import with_article

SIZES = (8, 16, 28, 32, 48, 64, 96, 128, 224, 256, 299, 384)
"""Sides of images, in pixels, that nets are usually made for."""


class Watch:
    """Follows nets forward and backward, so that whatever fails is said of a layer. A context manager.

    Nothing is put on a net itself: it computes and copies as it does otherwise.

    Args:
        subject: What the message begins with.

    Raises:
        InputError: Something failed inside; what is an `InputError` already passes through.
    """

    def __init__(self, subject: str = "the net") -> None:
        self._subject = subject
        self._names: dict[nn.Module, str] = {}
        self._running: list[tuple[nn.Module, tuple[Any, ...]]] = []
        self._reached: nn.Module | None = None
        self._hooks = ExitStack()

    def __enter__(self) -> Watch:
        self._hooks.callback(register_module_forward_pre_hook(self._begin).remove)
        self._hooks.callback(register_module_forward_hook(self._end).remove)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._hooks.close()
        if isinstance(error, Exception) and not isinstance(error, InputError):
            raise InputError(f"{self._subject} fails{self._where()}: {one_line(error)}") from error

    def _where(self) -> str:
        """The innermost layer that was running, or the last one that the backward pass reached, in words."""
        if self._running:
            layer, inputs = self._running[-1]
            return f" in {self._called(layer)}{_given(inputs)}"
        if self._reached is not None:
            return f" in the backward pass, at or before {self._called(self._reached)}"
        return ""

    def _begin(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not self._running:
            self._names = {inner: name for name, inner in module.named_modules()} | self._names
        self._running.append((module, inputs))

    def _end(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        # A layer whose error the net has caught is still on top of the one that called it.
        while self._running and self._running.pop()[0] is not module:
            pass
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(lambda gradient: self._reach(module))

    def _reach(self, module: nn.Module) -> None:
        self._reached = module

    def _called(self, module: nn.Module) -> str:
        name = self._names.get(module)
        kind = type(module).__name__
        return (
            f"{with_article(kind)} that is no submodule"
            if name is None
            else f"layer {name!r} ({kind})"
            if name
            else ("its own forward")
        )


def with_image_size(
    error: InputError, shape: tuple[int, int, int], run: Callable[[int], object]
) -> InputError:
    """What to say of a net that failed: where it runs on images of another size, these are at fault.

    Args:
        error: Why it failed, as a `Watch` says it.
        shape: Channels, height and width of the images that it got.
        run: Runs the net on images of a side, in pixels; raises where it does not take them.
    """
    side = _side_that_works(run, max(shape[1:]))
    if side is None:
        return error
    return InputError(
        *error.parts, f"; it takes images of {side} x {side} pixels: ", Named("image_size", side)
    )


def _side_that_works(run: Callable[[int], object], side: int) -> int | None:
    """The next larger usual side that a net takes, else the next smaller one; None if it takes none."""
    larger = [usual for usual in SIZES if usual > side]
    smaller = [usual for usual in reversed(SIZES) if usual < side]
    for usual in larger + smaller:
        try:
            run(usual)
        except Exception:
            continue
        return usual
    return None


def _given(inputs: tuple[Any, ...]) -> str:
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    if not tensors:
        return ""
    kinds = (f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}" for value in tensors)
    return f", given {', '.join(kinds)}"
