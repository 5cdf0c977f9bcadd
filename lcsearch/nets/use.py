"""Which convolutions a net uses: it may look at its layers before it calls them, or put filters aside."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from lcsearch.core.errors import InputError
from lcsearch.core.text import listed


@dataclass
class Use:
    """What a net did with its convolutions, and with layers in their place, by module name.

    Attributes:
        called: Those that it called, in the order of their first calls.
        trained: Those of which every parameter that learns got a gradient.
    """

    called: list[str] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)


@contextmanager
def used(model: nn.Module) -> Iterator[Use]:
    """Note what a net does with its convolutions while the block runs; complete when it has ended.

    Nothing stays on the net.
    """
    convs: dict[nn.Module, str] = {
        module: name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)
    }
    use, reached = Use(), set[nn.Parameter]()

    def note(module: nn.Module, inputs: Any) -> None:
        name = convs.get(module)
        if name is not None and name not in use.called:
            use.called.append(name)

    with ExitStack() as hooks:
        hooks.callback(register_module_forward_pre_hook(note).remove)
        for parameter in {p for conv in convs for p in conv.parameters() if p.requires_grad}:
            hooks.callback(parameter.register_post_accumulate_grad_hook(reached.add).remove)
        yield use
    use.trained += [name for conv, name in convs.items() if _trained(conv, reached)]


def _trained(conv: nn.Module, reached: Set[nn.Parameter]) -> bool:
    own = {parameter for parameter in conv.parameters() if parameter.requires_grad}
    return bool(own) and own <= reached


def check_still_used(before: Use, after: Use) -> None:
    """Check that a net uses what took the place of its convolutions.

    Args:
        before: What the plain net does.
        after: What it does with layers in their place.

    Raises:
        InputError: It calls or trains fewer.
    """
    why = "it decides by the exact type of its layers, or has copies of them"
    _check("call", before.called, after.called, why)
    # What a net calls it may skip by chance in a step of training; in evaluation it calls all of it.
    read = [name for name in before.trained if name not in before.called]
    _check("train", read, after.trained, "it has put filters aside that the layers replace")


def _check(verb: str, before: Collection[str], after: Collection[str], why: str) -> None:
    lost = [name for name in before if name not in after]
    if lost:
        raise InputError(
            f"with its convolutions replaced the net does not {verb} {listed(lost)} any more: {why}; leave "
            f'such layers plain (`"{lost[0]}": {{kind: [conv]}}` in a space)'
        )
