"""Which convolutions of a net another layer can take the place of, and why not the others.

What is replaced loses what made it more than an ``nn.Conv2d``: such a convolution stays plain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeGuard

from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from lcsearch.core.text import counted, listed
from lcsearch.core.torch_private import hooks_of
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.shape import ConvShape

_OF_CLASS = ("__call__", "forward", "_conv_forward")
_OF_INSTANCE = ("_call_impl", "_compiled_call_impl")
"""Beside `_OF_CLASS`, what runs when a convolution is called."""


@dataclass(frozen=True, slots=True)
class LeftPlain:
    """A convolution that stays as it is.

    Attributes:
        name: Its module name.
        params: Numbers in its own parameters that no convolution before it shares.
        why: Why it is not replaced, in a few words: ``it has hooks (forward)``.
    """

    name: str
    params: int
    why: str


def conv_layers(model: nn.Module) -> dict[str, nn.Conv2d]:
    """The convolutions that can be replaced, by module name, in module order.

    A module that is shared under two names appears once, under the first; so do convolutions that share their
    weight. Left out: layers that took a convolution's place, and what `left_plain` lists.
    """
    users = _users(model)
    firsts = ((name, conv) for name, conv in _convolutions(model) if _why_not(conv, users) is None)
    return {name: conv for name, conv in firsts if next(iter(users[conv.weight])) is conv}


def tied(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """The other convolutions that share the weight of one of `conv_layers`, by its name, in module order."""
    users = _users(model)
    return {
        name: tuple(users[conv.weight].values())[1:]
        for name, conv in conv_layers(model).items()
        if len(users[conv.weight]) > 1
    }


def tied_words(model: nn.Module) -> str | None:
    """Say in a line which convolutions share a weight and so become the same; None where none do."""
    ties = [" + ".join((name, *others)) for name, others in tied(model).items()]
    return f"one choice for convolutions that share a weight: {listed(ties)}" if ties else None


def left_plain(model: nn.Module) -> tuple[LeftPlain, ...]:
    """The convolutions that cannot be replaced, in module order."""
    users, seen, found = _users(model), set[nn.Parameter](), []
    for name, conv in _convolutions(model):
        why = _why_not(conv, users)
        if why is not None:
            own = set(conv.parameters()) - seen
            seen |= own
            params = sum(parameter.numel() for parameter in own if not is_lazy(parameter))
            found.append(LeftPlain(name, params, why))
    return tuple(found)


def plain_words(model: nn.Module) -> str | None:
    """Say in a line how many convolutions cannot be replaced, how much of the net they hold, and why.

    Returns:
        ``1 of 9 convolutions left plain (4 % of the parameters): stem (it has hooks (forward))``; None where
        all can be replaced.
    """
    left = left_plain(model)
    if not left:
        return None
    total = sum(parameter.numel() for parameter in model.parameters() if not is_lazy(parameter))
    share = sum(one.params for one in left) / max(1, total)
    names: dict[str, list[str]] = {}
    for one in left:
        names.setdefault(one.why, []).append(one.name)
    reasons = [f"{listed(own)} ({why})" for why, own in names.items()]
    of_all = counted(len(list(_convolutions(model))), "convolution")
    return f"{len(left)} of {of_all} left plain ({100 * share:.0f} % of the parameters): {listed(reasons)}"


def shape_of(conv: nn.Conv2d) -> ConvShape:
    """What decides the size of a convolution."""
    height, width = conv.kernel_size
    return ConvShape(conv.in_channels, conv.out_channels, (height, width), conv.groups, conv.bias is not None)


_Users = dict[Tensor, dict[nn.Module, str]]


def _users(model: nn.Module) -> _Users:
    """Who holds each parameter, with names."""
    users: _Users = {}
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            users.setdefault(parameter, {})[module] = name
    return users


def _convolutions(model: nn.Module) -> Iterable[tuple[str, nn.Conv2d]]:
    return (
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and not isinstance(module, FamilyLayer)
    )


def _why_not(conv: nn.Conv2d, users: _Users) -> str | None:
    if isinstance(conv, LazyModuleMixin):
        return "it has no weights yet"
    return _more_than_a_convolution(conv) or _shared(conv, users)


def _more_than_a_convolution(conv: nn.Conv2d) -> str | None:
    kind = type(conv)
    if parametrize.is_parametrized(conv):
        return "it is parametrized"
    if any(getattr(kind, name) is not getattr(nn.Conv2d, name) for name in _OF_CLASS):
        return f"{kind.__name__} has a forward of its own"
    if any(vars(conv).get(name) is not None for name in (*_OF_CLASS, *_OF_INSTANCE)):
        return "its forward was exchanged"
    usual = {"weight"} if conv.bias is None else {"weight", "bias"}
    unusual = usual ^ {name for name, _ in conv.named_parameters(recurse=False)}
    if unusual:
        return (
            f"its weights are made of others, by weight norm, pruning or the like ({listed(sorted(unusual))})"
        )
    own = [name for name, _ in (*conv.named_buffers(), *conv.named_children())]
    if own:
        return f"it holds more than a convolution does ({listed(own)})"
    hooks = hooks_of(conv)
    return f"it has hooks ({listed(hooks)})" if hooks else None


def _shared(conv: nn.Conv2d, users: _Users) -> str | None:
    others = [name for own in conv.parameters() for user, name in users[own].items() if user is not conv]
    if not others or _alike(users[conv.weight], users):
        return None
    return f"it shares tensors with {listed(list(dict.fromkeys(others)))}"


def _alike(modules: Collection[nn.Module], users: _Users) -> bool:
    """Whether modules that share a weight are convolutions of one shape, and share it with nothing else."""
    convs = [module for module in modules if _is_plain(module)]
    shapes = {replace(shape_of(conv), bias=False) for conv in convs}
    own = {user for conv in convs for tensor in conv.parameters() for user in users[tensor]}
    return len(convs) == len(modules) and len(shapes) == 1 and own == set(modules)


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    if not isinstance(module, nn.Conv2d) or isinstance(module, FamilyLayer | LazyModuleMixin):
        return False
    return _more_than_a_convolution(module) is None
