"""A training, an evaluation and a teacher's scores with convolutions by few products, and with PyTorch's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import SearchData, Split
from lcsearch.data.answers import answers_of
from lcsearch.layers import fast_convolution
from lcsearch.train import train
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


class Again(nn.Module):
    """A net that is computed once more for its gradients."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.net, self.reentrant = wide_net(), reentrant

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = checkpoint(self.net, images.requires_grad_(), use_reentrant=self.reentrant)
        return made


@pytest.mark.slow
@pytest.mark.parametrize("reentrant", [True, False])
def test_what_is_computed_again_for_gradients_is_computed_alike(digits: SearchData, reentrant: bool) -> None:
    few = replace(digits, train=Split(digits.train.images[:128], digits.train.labels[:128]))
    once, again = wide_net(), Again(reentrant)
    for net in (once, again):
        train(net, few, RECIPE, Regularizer(), seed=0)
    for name, tensor in once.state_dict().items():
        if "running" not in name and "num_batches" not in name:  # these are counted twice
            assert torch.equal(again.net.state_dict()[name], tensor), name


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
