"""Which convolutions of a net run: a net may look at its layers before it calls them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from lcsearch.core.errors import InputError
from lcsearch.core.text import listed


@contextmanager
def called(model: nn.Module) -> Iterator[list[str]]:
    """Note which convolutions, and layers in their place, are called while the block runs.

    Nothing is put on the net itself.

    Yields:
        Their module names, each once, in the order of their first calls; it grows inside the block.
    """
    known: dict[nn.Module, str] = {
        module: name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)
    }
    names: list[str] = []

    def note(module: nn.Module, inputs: Any) -> None:
        name = known.get(module)
        if name is not None and name not in names:
            names.append(name)

    handle = register_module_forward_pre_hook(note)
    try:
        yield names
    finally:
        handle.remove()


def check_still_called(before: Sequence[str], after: Sequence[str]) -> None:
    """Check that a net calls what took the place of its convolutions.

    Args:
        before: The convolutions that the plain net calls, as `called` notes them.
        after: Those that it calls with layers in their place.

    Raises:
        InputError: It calls fewer.
    """
    lost = [name for name in before if name not in after]
    if lost:
        raise InputError(
            f"with its convolutions replaced the net does not call {listed(lost)} any more: it decides by "
            "the exact type of its layers, or has copies of them; leave what is not called plain "
            f'(`"{lost[0]}": {{kind: [conv]}}` in a space)'
        )
