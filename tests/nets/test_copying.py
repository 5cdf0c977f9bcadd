"""Copies of nets are nets of their own."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from lcsearch.nets.copying import copied, copied_to


def changed_output(model: nn.Module, made: nn.Module) -> bool:
    """Whether a copy's output follows its own weights and leaves the original's alone."""
    image = torch.ones(1, 2, 4, 4)
    with torch.no_grad():
        before, same = model(image), torch.equal(model(image), made(image))
        for parameter in made.parameters():
            parameter.add_(1.0)
        return same and torch.equal(model(image), before) and not torch.equal(made(image), before)


def exchanged(how: str) -> nn.Module:
    """A net of one convolution whose forward was exchanged by a function that knows the convolution."""
    conv = nn.Conv2d(2, 3, 3)
    old = conv.forward

    def again(x: Tensor) -> Tensor:
        return old(x) * 2

    def with_default(x: Tensor, weight: nn.Parameter = conv.weight) -> Tensor:
        return nn.functional.conv2d(x, weight)

    def given(module: nn.Conv2d, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, module.weight)

    ways = {"method": again, "nested": lambda x: again(x) + 1, "default": with_default}
    conv.forward = ways[how] if how in ways else partial(given, conv)  # type: ignore[method-assign]
    return nn.Sequential(conv)


@pytest.mark.parametrize("how", ["method", "nested", "default", "partial"])
def test_exchanged_forwards_use_the_weights_of_the_copy(how: str) -> None:
    model = exchanged(how)
    assert changed_output(model, copied(model))


def test_hooks_use_the_modules_of_the_copy() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Identity())
    model[1].register_forward_hook(lambda module, inputs, output: output + model[0].weight.sum())
    model[0].weight.requires_grad_()
    assert changed_output(model, copied(model))


def test_what_a_function_and_a_net_both_hold_is_one_thing_in_the_copy() -> None:
    model, said = nn.Sequential(nn.Conv2d(2, 2, 1)), list[Tensor]()
    model.said = said  # type: ignore[assignment]
    model[0].register_forward_hook(lambda module, inputs, output: said.append(output))
    made = copied(model)
    made(torch.zeros(1, 2, 3, 3))
    assert len(made.said) == 1 and not said  # type: ignore[arg-type]


@pytest.mark.parametrize("where", ["attribute", "deep", "object"])
def test_tensors_that_a_pass_left_behind_are_copied_by_value(where: str) -> None:
    class Box:
        """Keeps a tensor where no walk over attributes of modules finds it."""

        def __init__(self, kept: Tensor) -> None:
            self.kept = kept

    model = nn.Sequential(nn.Conv2d(2, 2, 1))
    tensor = model(torch.ones(1, 2, 3, 3))
    model.kept = {"attribute": tensor, "deep": {"a": [(tensor,)]}, "object": Box(tensor)}[where]  # type: ignore
    kept = copied(model).kept
    found = {"attribute": lambda: kept, "deep": lambda: kept["a"][0][0], "object": lambda: kept.kept}[where]()  # type: ignore
    assert torch.equal(found, tensor) and found is not tensor and not found.requires_grad


def test_shared_tensors_and_modules_stay_shared() -> None:
    one = nn.Conv2d(2, 2, 1)
    model = nn.ModuleList([one, nn.Conv2d(2, 2, 1), one])
    model[1].weight = one.weight
    made = copied(model)
    assert made[0] is made[2] is not one
    assert made[1].weight is made[0].weight is not one.weight


def test_a_copy_on_the_same_device_has_numbers_of_its_own() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    assert changed_output(net.eval(), copied_to(net, torch.device("cpu")))
