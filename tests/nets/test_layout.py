"""Filters in channels-last layout, and what PyTorch refuses to lay out so."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lcsearch.nets.layout import channels_last


def strides(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tensor.stride() for name, tensor in model.state_dict().items()}


def test_a_net_of_four_dimensions_is_laid_out_as_pytorch_does_it() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    model.register_buffer("table", torch.arange(120).view(2, 3, 4, 5))
    wanted = copy.deepcopy(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    made = channels_last(model, torch.device("cpu"))
    assert made is model and strides(made) == strides(wanted)
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), wanted.buffers(), strict=True))


def test_tensors_of_five_dimensions_stay_as_they_are_and_ties_hold() -> None:
    model = nn.ModuleList([nn.Conv3d(2, 3, 3), nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)])
    model[2].weight = model[1].weight
    model.register_buffer("volume", torch.zeros(2, 3, 4, 5, 6))
    images: Tensor = torch.ones(1, 2, 5, 5, 5)
    before, output = strides(model), model[0](images)
    channels_last(model, torch.device("cpu"))
    after = strides(model)
    assert {name for name in before if before[name] != after[name]} == {"1.weight", "2.weight"}
    assert model[1].weight is model[2].weight and torch.equal(model[0](images), output)
