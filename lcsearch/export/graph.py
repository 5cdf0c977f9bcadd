"""A model of standard layers as a graph that runs without the code that made it."""

from __future__ import annotations

import contextlib
import io
import operator
import sys
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram

from lcsearch.core.errors import InputError, Named, one_line
from lcsearch.export.source import About
from lcsearch.nets import surgery

_CONVOLUTIONS = (torch.ops.aten.conv2d.default, torch.ops.aten.conv2d.padding)
_BATCH_NORM = torch.ops.aten.batch_norm.default
_ADD = torch.ops.aten.add.Tensor


def standard_program(model: nn.Module, about: About) -> ExportedProgram:
    """Export a model with every LinearConv layer in its cheaper form of standard layers.

    Args:
        model: In evaluation mode; it stays as it is.
        about: The shape of images, and whether batch norm is folded.

    Returns:
        A program for batches of any size.

    Raises:
        InputError: ``torch.export`` cannot follow the net.
    """
    standard = surgery.factorize(model, about.image_shape).eval().requires_grad_(False)
    program = _export(standard, about.image_shape)
    if about.fold_batch_norm:
        program = _export(fold_batch_norm(program), about.image_shape)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of the machine that exported
    return program


def fold_batch_norm(program: ExportedProgram) -> fx.GraphModule:
    """Multiply batch norm into the convolution before it, or into those whose sum it gets.

    It stays where something else reads one of them.

    Args:
        program: Of a model in evaluation mode.

    Returns:
        A module that computes the same with fewer steps.
    """
    module: Any = program.module(check_guards=False)
    graph, tensors = module.graph, {}
    for node in list(graph.nodes):
        if node.op == "get_attr":
            tensors[node.target] = operator.attrgetter(node.target)(module)
    for norm in [node for node in graph.nodes if _foldable(node, tensors)]:
        _fold(module, norm, tensors)
    for node in reversed(list(graph.nodes)):
        if node.op == "get_attr" and not node.users:
            graph.erase_node(node)
    return fx.GraphModule(tensors, graph)


def _foldable(node: fx.Node, tensors: dict[str, Tensor]) -> bool:
    if node.target is not _BATCH_NORM or node.args[5]:
        return False
    own = all(part is None or part.op == "get_attr" for part in node.args[1:5])  # type: ignore[union-attr]
    channels = {len(tensors[conv.args[1].target]) for conv in _summands(node.args[0])}  # type: ignore[index, union-attr]
    return own and channels == {len(tensors[node.args[3].target])}  # type: ignore[index, union-attr]


def _summands(node: Any) -> list[fx.Node]:
    """The convolutions whose sum a node is, where nothing else reads any of them; none where it is no sum."""
    if not isinstance(node, fx.Node) or len(node.users) != 1:
        return []
    if node.target in _CONVOLUTIONS:
        own = all(part is None or getattr(part, "op", "") == "get_attr" for part in node.args[1:3])
        return [node] if own else []
    if node.target is not _ADD or node.kwargs or node.args[0] is node.args[1]:
        return []
    one, other = map(_summands, node.args)
    return one + other if one and other else []


@torch.no_grad()
def _fold(module: fx.GraphModule, norm: fx.Node, tensors: dict[str, Tensor]) -> None:
    gamma, beta, mean, variance = (None if n is None else tensors[n.target] for n in norm.args[1:5])  # type: ignore[union-attr, index]
    scale = torch.rsqrt(variance.double() + norm.args[7])  # type: ignore[union-attr, operator]
    scale = scale if gamma is None else scale * gamma
    shift = -mean * scale if beta is None else beta - mean * scale  # type: ignore[operator]
    for conv in _summands(norm.args[0]):
        _scale(module, conv, tensors, scale, shift)
        shift = torch.zeros_like(shift)  # once in the sum
    norm.replace_all_uses_with(norm.args[0])  # type: ignore[arg-type]
    module.graph.erase_node(norm)


def _scale(
    module: fx.GraphModule, conv: fx.Node, tensors: dict[str, Tensor], scale: Tensor, shift: Tensor
) -> None:
    """Multiply a convolution's outputs (out,), and add a shift (out,)."""
    arguments: tuple[Any, ...] = (*conv.args, None)[: max(3, len(conv.args))]
    image, filters, bias, *rest = arguments
    old = tensors[filters.target]
    new = {"weight": (old * scale.view(-1, 1, 1, 1)).to(old.dtype)}
    if bias is not None or shift.any():
        whole = shift if bias is None else tensors[bias.target] * scale + shift
        new["bias"] = whole.to(old.dtype)
    nodes = []
    with module.graph.inserting_before(conv):
        for part, value in new.items():
            name = f"folded_{conv.name}_{part}"
            module.register_buffer(name, value)
            tensors[name] = value
            nodes.append(module.graph.get_attr(name))
    conv.args = (image, *nodes, *[None] * (2 - len(nodes)), *rest)


def _export(model: nn.Module, shape: tuple[int, int, int]) -> ExportedProgram:
    images, said = torch.zeros(2, *shape), io.StringIO()
    try:
        # Where it fails it prints its graph beside the error that says why.
        with torch.no_grad(), contextlib.redirect_stderr(said):
            program = torch.export.export(model, (images,), dynamic_shapes=({0: Dim("batch", min=1)},))
    except Exception as error:
        raise InputError(
            f"torch.export cannot follow this net ({one_line(error)}); ",
            *(Named("format", "weights"), " always works"),
            setting="format",
        ) from error
    sys.stderr.write(said.getvalue())
    return program
