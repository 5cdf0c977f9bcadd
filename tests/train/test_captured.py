"""Steps from a CUDA graph against the same steps one operation after the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from every_state import make_net
from torch import Tensor, nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.core.stopwatch import measured
from lcsearch.data import SearchData
from lcsearch.train import captured, train
from lcsearch.train.captured import Batch, CapturedSteps, Learn, step_by
from lcsearch.train.optimizer import make_optimizer

RECIPE = Recipe(epochs=4, batch_size=64, lr=0.05, average=0.25, coefficient_l1=1e-5, label_smoothing=0.1)
REGULARIZER = Regularizer(weight=0.01, every=3)
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Own(nn.Module):
    """A linear net whose forward does something else as well."""

    def __init__(self, also: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.linear, self.also = nn.Linear(6, 3), also

    def forward(self, x: Tensor) -> Tensor:
        self.also(x)
        scores: Tensor = self.linear(x)
        return scores


@pytest.fixture
def whatever_pays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Capture whatever can be, also where something else keeps the GPU busy; steps that were captured."""
    monkeypatch.setattr(captured, "_ASKING", 0.0)
    steps, of = list[int](), captured._Graph.of

    def noted(learn: Learn, optimizer: torch.optim.Optimizer, step: int, batch: Batch) -> captured._Graph:
        steps.append(step)
        return of(learn, optimizer, step, batch)

    monkeypatch.setattr(captured._Graph, "of", noted)
    return steps


def steps_of(
    net: nn.Module, steps: int = 200, dropout: float = 0.0, rate: float = 0.1
) -> tuple[CapturedSteps, list[float]]:
    """Train a net for so many steps on one batch, with falling rates, and return the losses."""
    net = net.cuda()
    optimizer = make_optimizer(net, Recipe(lr=rate, weight_decay=0.0))
    drop = nn.Dropout(dropout)

    def learn(step: int, batch: Batch) -> Tensor:
        loss = nn.functional.cross_entropy(net(drop(batch[0])), batch[1])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    done = step_by(learn, optimizer, Regularizer(), steps, torch.device("cuda"))
    assert isinstance(done, CapturedSteps)
    drawn = torch.Generator().manual_seed(0)
    batch = torch.randn(8, 6, generator=drawn).cuda(), torch.arange(8).cuda() % 3, None
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        losses.append(float(done(step, batch)))
    return done, losses


def by_hand(steps: int = 200, rate: float = 0.1) -> list[float]:
    """Likewise on a CPU in float64, the rule of Nesterov's momentum written out."""
    torch.manual_seed(0)
    net = nn.Linear(6, 3).double()
    drawn = torch.Generator().manual_seed(0)
    images, labels = torch.randn(8, 6, generator=drawn).double(), torch.arange(8) % 3
    held, losses = [torch.zeros_like(p) for p in net.parameters()], []
    for step in range(steps):
        loss = -net(images).log_softmax(1)[torch.arange(8), labels].mean()
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        losses.append(float(loss))
        for parameter, gradient, moved in zip(net.parameters(), gradients, held, strict=True):
            moved.mul_(0.9).add_(gradient)
            parameter.data -= rate * (1 - step / steps) * (gradient + 0.9 * moved)
    return losses


def test_without_a_gpu_a_step_is_as_it_was() -> None:
    def learn(step: int, batch: Batch) -> Tensor:
        return batch[0]

    optimizer = make_optimizer(nn.Linear(2, 2), Recipe())
    assert step_by(learn, optimizer, Regularizer(), 1000, torch.device("cpu")) is learn


@cuda
def test_a_graph_learns_as_the_arithmetic_says_at_the_rate_of_each_step(whatever_pays: list[int]) -> None:
    torch.manual_seed(0)
    done, losses = steps_of(nn.Linear(6, 3))
    assert done.pays is True and whatever_pays == [7]
    assert losses == pytest.approx(by_hand(), rel=1e-3)


@cuda
def test_each_step_of_a_graph_drops_out_anew(whatever_pays: list[int]) -> None:
    torch.manual_seed(0)
    _, losses = steps_of(nn.Linear(6, 3), dropout=0.5, rate=0.0)
    assert whatever_pays == [7]
    assert len(set(losses[100:])) > 50


@cuda
@pytest.mark.parametrize(
    "also",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: random.random(),
        lambda x: np.random.rand(),
        lambda x: torch.rand(3),
    ],
    ids=["looks", "chooses", "Python's", "NumPy's", "PyTorch's"],
)
def test_a_step_that_a_graph_would_not_repeat_is_not_captured(
    also: Callable[[Tensor], object], whatever_pays: list[int]
) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(6, 3)
    net = Own(also)
    net.linear.load_state_dict(plain.state_dict())
    done, losses = steps_of(net)
    assert done.pays is False and not whatever_pays
    assert losses == pytest.approx(by_hand(), rel=1e-3)


@cuda
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_training_goes_on_where_capturing_fails(dropout: float, whatever_pays: list[int]) -> None:
    def fail(x: Tensor) -> None:
        if torch.cuda.is_current_stream_capturing():
            x.sum().item()

    torch.manual_seed(0)
    plain = nn.Linear(6, 3)
    net = Own(fail)
    net.linear.load_state_dict(plain.state_dict())
    done, losses = steps_of(net, dropout=dropout)
    assert done.pays is False and whatever_pays == [7]
    if not dropout:
        assert losses == pytest.approx(by_hand(), rel=1e-3)
    assert len(set(losses[100:])) > 50


@cuda
def test_what_keeps_a_gpu_busy_is_not_captured() -> None:
    large = torch.randn(8192, 8192, device="cuda")
    done, _ = steps_of(Own(lambda x: [large @ large for _ in range(8)]), steps=12)
    assert done.pays is False


@cuda
def test_short_trainings_are_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "_Graph", None)
    steps_of(nn.Linear(6, 3), steps=captured.WORTH)


def trained(
    digits: SearchData, monkeypatch: pytest.MonkeyPatch, *, graphs: bool, checkpoint: Path | None = None
) -> tuple[list[float], dict[str, Tensor]]:
    monkeypatch.setattr(captured, "WORTH", 5 if graphs else 10**9)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    net = make_net()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    stop = 2 if checkpoint is not None and not checkpoint.exists() else 99
    result = train(
        net,
        digits,
        RECIPE,
        REGULARIZER,
        seed=3,
        device="cuda",
        checkpoint=checkpoint,
        report=lambda m: m.epoch < stop,
    )
    return [m.train_loss for m in result.history], {k: v.cpu() for k, v in net.state_dict().items()}


@cuda
def test_a_training_is_the_same_with_graphs(
    digits: SearchData, monkeypatch: pytest.MonkeyPatch, whatever_pays: list[int]
) -> None:
    losses, state = trained(digits, monkeypatch, graphs=True)
    assert whatever_pays == [7, 9]  # without the regularizer, and with it
    expected, wanted = trained(digits, monkeypatch, graphs=False)
    assert losses == pytest.approx(expected, rel=2e-3)
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, wanted[name], rtol=0.05, atol=0.02, msg=name)


@cuda
def test_a_training_with_graphs_goes_on_from_its_checkpoint(
    digits: SearchData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, whatever_pays: list[int]
) -> None:
    whole, _ = trained(digits, monkeypatch, graphs=True)
    trained(digits, monkeypatch, graphs=True, checkpoint=tmp_path / "checkpoint.pt")
    resumed, _ = trained(digits, monkeypatch, graphs=True, checkpoint=tmp_path / "checkpoint.pt")
    assert len(whatever_pays) == 6
    assert resumed == pytest.approx(whole, rel=2e-3)


@cuda
def test_the_time_of_graphs_has_a_name_of_its_own(
    digits: SearchData, monkeypatch: pytest.MonkeyPatch, whatever_pays: list[int]
) -> None:
    with measured() as watch:
        trained(digits, monkeypatch, graphs=True)
    spent = watch.seconds()
    assert whatever_pays
    assert spent["step"] > 0 and spent["forward"] > 0
