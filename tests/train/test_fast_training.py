"""A training, an evaluation and a teacher's scores with convolutions by few products, and with PyTorch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import SearchData
from lcsearch.layers import fast_convolution
from lcsearch.train import train
from lcsearch.train.sure import answers_of
from lcsearch.train.teacher import make_teacher

RECIPE = Recipe(epochs=1, batch_size=64, lr=0.02)


def wide_net() -> nn.Module:
    torch.manual_seed(0)
    first, second = nn.Conv2d(1, 96, 3, padding=1), nn.Conv2d(96, 128, 3, padding=1)
    norms = nn.BatchNorm2d(96), nn.BatchNorm2d(128)
    rest = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)
    return nn.Sequential(nn.AvgPool2d(4), first, norms[0], nn.ReLU(), second, norms[1], nn.ReLU(), *rest)


def trained(data: SearchData) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    net = wide_net()
    train(net, data, RECIPE, Regularizer(), seed=0)
    answers = answers_of(net, data.validation, data.info, 100, "cpu")
    return net.state_dict(), answers, make_teacher(net, data, RECIPE, seed=0, device="cpu").outputs


@pytest.mark.slow
def test_everything_comes_to_the_same_up_to_rounding(
    digits: SearchData, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, answers, scores = trained(digits)
    monkeypatch.setattr(fast_convolution, "best_tile", lambda *_: None)
    expected, own, others = trained(digits)
    assert not torch.equal(weights["4.weight"], expected["4.weight"])
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-2, atol=1e-3)
    assert (answers == own).double().mean() > 0.99
    assert not torch.equal(scores, others)
    torch.testing.assert_close(scores, others, rtol=1e-2, atol=1e-2)
