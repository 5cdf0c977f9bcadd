from __future__ import annotations

import pytest
import torch
from torch import nn

from lcsearch.data import SearchData
from lcsearch.train import evaluate


@pytest.mark.parametrize("batch_size", [1, 7, 300, 1000])
def test_accuracy_against_one_image_at_a_time(digits: SearchData, batch_size: int) -> None:
    torch.manual_seed(0)
    size = digits.info.image_size
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(size * size, 10))
    right = 0
    weight, bias = model[2].weight.detach().double(), model[2].bias.detach().double()
    for image, label in zip(digits.validation.images, digits.validation.labels, strict=True):
        pixels = (image.double().flatten() / 255 - digits.info.mean[0]) / digits.info.std[0]
        right += int((weight @ pixels + bias).argmax() == label)
    model.train()
    accuracy = evaluate(model, digits.validation, digits.info, batch_size=batch_size)
    assert accuracy == pytest.approx(100 * right / 300)
    assert model.training


def test_evaluation_changes_nothing(digits: SearchData) -> None:
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(digits.info.image_size**2, 10)).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    evaluate(model, digits.validation, digits.info)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not model.training
