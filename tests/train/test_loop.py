from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from every_state import make_net
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import SearchData
from lcsearch.train import EpochMetrics, TrainingFailed, evaluate, train

pytestmark = pytest.mark.slow

RECIPE = Recipe(epochs=4, batch_size=64, lr=0.05, average=0.25, coefficient_l1=1e-5, label_smoothing=0.1)
REGULARIZER = Regularizer(weight=0.01, every=3)


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same_bits(one: dict[str, Tensor], two: dict[str, Tensor]) -> None:
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, two[name]), name


def strip(history: tuple[EpochMetrics, ...]) -> list[EpochMetrics]:
    return [replace(metrics, seconds=0.0) for metrics in history]


@pytest.fixture(scope="module")
def whole(digits: SearchData) -> tuple[dict[str, Tensor], list[EpochMetrics]]:
    """What a training that nothing disturbed ends with, and its epochs."""
    net = make_net()
    history = strip(train(net, digits, RECIPE, REGULARIZER, seed=3).history)
    return state_of(net), history


def test_two_runs_give_the_same_bits_whatever_came_before(
    digits: SearchData, whole: tuple[dict[str, Tensor], list[EpochMetrics]]
) -> None:
    state, history = whole
    again = make_net()
    torch.rand(7), np.random.rand(3), random.random()
    second = train(again, digits, RECIPE, REGULARIZER, seed=3)
    assert_same_bits(state, state_of(again))
    assert history == strip(second.history)


def test_another_seed_gives_another_run(digits: SearchData) -> None:
    recipe = replace(RECIPE, epochs=1)
    one, two = make_net(), make_net()
    train(one, digits, recipe, REGULARIZER, seed=3)
    train(two, digits, recipe, REGULARIZER, seed=4)
    assert not torch.equal(one.state_dict()["0.weight"], two.state_dict()["0.weight"])


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("last", [1, 3, 4])  # the average of the weights begins after the third
def test_killed_and_resumed_gives_the_same_bits(
    digits: SearchData, tmp_path: Path, whole: tuple[dict[str, Tensor], list[EpochMetrics]], last: int
) -> None:
    state, history = whole

    def die(metrics: EpochMetrics) -> bool:
        if metrics.epoch == last:
            raise _Killed
        return True

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(_Killed):
        train(make_net(), digits, RECIPE, REGULARIZER, seed=3, checkpoint=path, report=die)
    torch.rand(5)
    seen: list[int] = []
    resumed = make_net()
    result = train(
        resumed,
        digits,
        RECIPE,
        REGULARIZER,
        seed=3,
        checkpoint=path,
        report=lambda metrics: seen.append(metrics.epoch) is None,
    )
    assert seen == list(range(last, 5))  # the report that may have been lost comes once more
    assert_same_bits(state, state_of(resumed))
    assert strip(result.history) == history


def test_damaged_checkpoint_starts_anew(digits: SearchData, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=2)
    path = tmp_path / "checkpoint.pt"
    whole, again = make_net(), make_net()
    train(whole, digits, recipe, REGULARIZER, seed=3, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-1000])
    seen: list[int] = []
    train(
        again,
        digits,
        recipe,
        REGULARIZER,
        seed=3,
        checkpoint=path,
        report=lambda metrics: seen.append(metrics.epoch) is None,
    )
    assert seen == [1, 2]
    assert_same_bits(state_of(whole), state_of(again))


def test_checkpoint_of_another_recipe_is_not_continued(digits: SearchData, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    recipe = replace(RECIPE, epochs=1)
    first = train(make_net(), digits, recipe, REGULARIZER, seed=3, checkpoint=path)
    other = replace(recipe, lr=recipe.lr / 5)
    result = train(make_net(), digits, other, REGULARIZER, seed=3, checkpoint=path)
    assert result.resumed_from == 0
    assert result.history[0].learning_rate == pytest.approx(first.history[0].learning_rate / 5)
    again = train(make_net(), digits, other, REGULARIZER, seed=3, checkpoint=path)
    assert again.resumed_from == 1 and strip(again.history) == strip(result.history)


def test_model_holds_the_evaluated_weights(digits: SearchData) -> None:
    for stop_after in (2, 4):
        model = make_net()
        result = train(
            model,
            digits,
            RECIPE,
            REGULARIZER,
            seed=3,
            report=lambda metrics, last=stop_after: metrics.epoch < last,  # type: ignore[misc]
        )
        assert result.stopped == (stop_after < RECIPE.epochs)
        assert len(result.history) == stop_after
        assert result.accuracy == evaluate(model, digits.validation, digits.info)
        assert result.accuracy == result.history[-1].accuracy


def test_it_learns_real_digits(digits: SearchData) -> None:
    model = make_net()
    result = train(model, digits, replace(RECIPE, epochs=12), REGULARIZER, seed=0)
    assert result.accuracy > 85
    assert result.history[-1].train_loss < result.history[0].train_loss


def test_bfloat16_trains_float32_weights_whose_accuracy_is_that_in_float32(digits: SearchData) -> None:
    model, computed = make_net(), set()
    model[0].register_forward_hook(  # type: ignore[index]
        lambda module, images, output: computed.add((module.training, output.dtype))
    )
    result = train(model, digits, replace(RECIPE, precision="bfloat16"), REGULARIZER, seed=0)
    assert (True, torch.bfloat16) in computed and (True, torch.float32) not in computed
    assert result.accuracy == evaluate(model, digits.validation, digits.info) > 25
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_sparse_coefficients_are_exact_at_the_end(digits: SearchData) -> None:
    model = make_net()
    train(model, digits, replace(RECIPE, epochs=2), REGULARIZER, seed=0)
    layer = model[3]  # type: ignore[index]
    impulses = torch.zeros(8, 8, 5, 5)
    impulses[range(8), range(8), 2, 2] = 1.0
    with torch.no_grad():
        responses = layer(impulses) - layer.bias.view(-1, 1, 1)
    kernels = responses[:, :, 1:4, 1:4].transpose(0, 1).flatten(1).double()
    primary, secondary = kernels[:8], kernels[8:]
    # 8 filters of 72 numbers are independent, so the coefficients can be solved for
    solved = torch.linalg.lstsq(primary.T, secondary.T).solution
    assert int((solved.abs() > 1e-6).sum()) == 32
    assert int(layer.coefficients.count_nonzero()) == 32


def test_pruning_is_done_when_the_first_epoch_is_reported(digits: SearchData) -> None:
    """Of ten epochs the first ends at a tenth, before a schedule over a fifth of training would."""
    model, kept = make_net(), []

    def report(metrics: EpochMetrics) -> bool:
        kept.append(int(model[3].mask.sum()))  # type: ignore[index]
        return len(kept) < 2

    train(model, digits, replace(RECIPE, epochs=10), REGULARIZER, seed=0, report=report)
    assert kept == [32, 32]


def test_regularizer_lowers_correlation(digits: SearchData) -> None:
    def correlation(weight: float) -> float:
        model = make_net()
        train(model, digits, RECIPE, Regularizer(weight=weight), seed=0)
        primary = model[3].primary.detach().flatten(1).numpy()  # type: ignore[index]
        return float(np.abs(np.corrcoef(primary) - np.eye(8)).mean())

    assert correlation(10.0) < 0.7 * correlation(0.0)


@pytest.mark.parametrize("bad_step", [1, 4, 10])
def test_diverged_training_says_where(digits: SearchData, bad_step: int) -> None:
    class Bomb(nn.Module):
        steps = 0

        def forward(self, x: Tensor) -> Tensor:
            self.steps += self.training
            return x * math.nan if self.training and self.steps == 10 + bad_step else x

    # an epoch is ten steps
    model = nn.Sequential(make_net(), Bomb())
    recipe = replace(RECIPE, epochs=2)
    with pytest.raises(TrainingFailed, match=f"loss is nan at epoch 2, step {bad_step}, learning rate"):
        train(model, digits, recipe, REGULARIZER, seed=0)


def test_a_diverged_training_is_noticed_within_sixteen_steps(digits: SearchData) -> None:
    steps: list[int] = []
    model = make_net()
    model.register_forward_hook(
        lambda module, images, scores: steps.append(1) or (scores * math.nan if len(steps) >= 3 else scores)
    )
    with pytest.raises(TrainingFailed, match="epoch 1, step 3,"):
        train(model, digits, replace(RECIPE, epochs=1, batch_size=16), REGULARIZER, seed=0)
    assert len(steps) == 16


def test_weights_that_break_in_the_last_step_are_noticed(digits: SearchData) -> None:
    class Break(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return x + torch.where(self.scale > 0, 0 * self.scale, 0.0)

    model = nn.Sequential(make_net(), Break())
    model[1].scale.register_hook(lambda grad: grad + math.inf)  # type: ignore[union-attr,operator]
    with pytest.raises(TrainingFailed):
        train(model, digits, replace(RECIPE, epochs=1, batch_size=640), REGULARIZER, seed=0)


def test_clip_bounds_the_step(digits: SearchData) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(digits.info.image_size**2, 10))
    before = model[1].weight.detach().clone()
    recipe = Recipe(
        epochs=1, batch_size=640, lr=1.0, momentum=0.0, weight_decay=0.0, warmup=0.0, average=0.0, clip=1e-3
    )
    train(model, digits, recipe, Regularizer(), seed=0)
    moved = float((model[1].weight.detach() - before).norm())
    assert 0 < moved <= 1e-3


@pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("momentum", -0.1), ("clip", math.nan)])
def test_bad_recipe(digits: SearchData, name: str, value: float) -> None:
    recipe = replace(RECIPE, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"recipe: {name} is {value}"):
        train(make_net(), digits, recipe, REGULARIZER, seed=0)
