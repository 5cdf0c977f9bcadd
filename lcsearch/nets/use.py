"""Which convolutions a net uses: it may look at its layers before it calls them, or put filters aside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.core.text import listed
from lcsearch.nets.failure import Watch
from lcsearch.nets.replaceable import tied
from lcsearch.nets.surgery import build_model, once

_BY_TYPE = "it decides by the exact type of its layers, or has copies of them"
_ASIDE = "it has put filters aside that the layers replace"
_NOT_CALLED = f"the net does not call it once it is replaced: {_BY_TYPE}"
_NOT_TRAINED = f"the net does not train it once it is replaced: {_ASIDE}"


@dataclass
class Use:
    """What a net did with its convolutions, and with layers in their place, by module name.

    Attributes:
        called: Those that it called, in the order of their first calls.
        trained: Those of which every parameter that learns got a gradient.
        failed: Whether the net failed: then ``called`` ends where it did, and ``trained`` is empty.
    """

    called: list[str] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def read(self) -> list[str]:
        """Those that it trained without calling them: it uses their filters in another way."""
        return [name for name in self.trained if name not in self.called]


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


def used_only_plain(
    plain: ModelSpec, layers: Mapping[str, LayerSpec], run: Callable[[nn.Module], object]
) -> dict[str, str]:
    """Which layers a net would not use in place of its convolutions, and uses if these stay as they are.

    Args:
        plain: The net.
        layers: What its convolutions would become.
        run: Runs a net, forward and backward; raises ``InputError`` where it fails.

    Returns:
        Why such a convolution is to stay plain, in words, by its name as `once` has it; nothing where that
        does not help.
    """
    whole = build_model(plain)
    layers = once(whole, layers)
    before = _use_of(whole, run)
    firsts = {other: name for name, others in tied(whole).items() for other in others}
    found = dict[str, str]()
    while not before.failed:
        left = {name: spec for name, spec in layers.items() if name not in found}
        after = _use_of(build_model(replace(plain, layers=left)), run)
        lost = {firsts.get(name, name): why for name, why in _lost(before, after).items()}
        if not lost and not after.failed:
            return found
        if not lost or not lost.keys() <= left.keys():
            break
        found |= lost
    return {}


def used_only_plain_on_meta(
    plain: ModelSpec, layers: Mapping[str, LayerSpec], image_size: int
) -> dict[str, str]:
    """As `used_only_plain`, at next to no cost; nothing is found of a net that needs values."""
    with torch.device("meta"):
        images = torch.empty(2, plain.in_channels, image_size, image_size)

        def run(model: nn.Module) -> None:
            with Watch():
                model.train()(images.clone()).sum().backward()

        return used_only_plain(plain, layers, run)


def left_words(plain: Mapping[str, str]) -> list[str]:
    """Say which convolutions are left plain, as `used_only_plain` found them, a line for each reason."""
    names = {why: [name for name, own in plain.items() if own == why] for why in plain.values()}
    return [f"left plain: {listed(own)} ({why})" for why, own in names.items()]


def _use_of(model: nn.Module, run: Callable[[nn.Module], object]) -> Use:
    try:
        with used(model) as use:
            run(model)
    except InputError:
        use.failed = True
    return use


def _lost(before: Use, after: Use) -> dict[str, str]:
    """What a net uses before its convolutions are replaced and not after; the first of it where it fails."""
    lost = {name: _NOT_CALLED for name in before.called if name not in after.called}
    if after.failed:
        return dict(list(lost.items())[:1])
    return lost | {name: _NOT_TRAINED for name in before.read if name not in after.trained}


def check_still_used(before: Use, after: Use) -> None:
    """Check that a net uses what took the place of its convolutions.

    Args:
        before: What the plain net does.
        after: What it does with layers in their place.

    Raises:
        InputError: It calls or trains fewer.
    """
    _check("call", before.called, after.called, _BY_TYPE)
    # What a net calls it may skip by chance in a step of training; in evaluation it calls all of it.
    _check("train", before.read, after.trained, _ASIDE)


def _check(verb: str, before: Collection[str], after: Collection[str], why: str) -> None:
    lost = [name for name in before if name not in after]
    if lost:
        raise InputError(
            f"with its convolutions replaced the net does not {verb} {listed(lost)} any more: {why}; leave "
            f'such layers plain (`"{lost[0]}": {{kind: [conv]}}` in a space)'
        )
