"""Nets whose layers share filters, trained from scratch and cut out, with the loss, and killed on the way."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from lcsearch.compress.cut_out import cut_out
from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer
from lcsearch.data import SearchData, load
from lcsearch.layers import regularization
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.nets import surgery
from lcsearch.nets.backbones import build
from lcsearch.train.loop import train

SPEC = ModelSpec(
    "resnet32", 10, 1, 0.5,
    dict.fromkeys([f"stages.1.{block}.{part}.0" for block in (1, 2) for part in ("first", "second")],
                  SharedSpec("x", 6, 1)),
)  # fmt: skip
RECIPE = Recipe(epochs=2, batch_size=50, precision="float32")


@cache
def digits() -> SearchData:
    return load("digits", train_images=200, image_size=8)


def fresh() -> nn.Module:
    seed_everything(3)
    return surgery.build_model(SPEC)


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bits_with_one_bank(tmp_path: Path) -> None:
    weight, path = Regularizer(0.1), tmp_path / "checkpoint.pt"
    whole, half = fresh(), fresh()
    train(whole, digits(), RECIPE, weight, seed=1)
    train(half, digits(), RECIPE, weight, seed=1, checkpoint=path, report=lambda metrics: False)
    again = surgery.build_model(SPEC)
    found = train(again, digits(), RECIPE, weight, seed=1, checkpoint=path)
    assert found.resumed_from == 1
    state = whole.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in again.state_dict().items())
    first = again.get_submodule("stages.1.1.first.0")
    assert again.get_submodule("stages.1.2.second.0").shared is first.bank  # type: ignore[union-attr]
    drawn = fresh().get_submodule("stages.1.1.first.0")
    assert float((first.bank - drawn.bank).detach().abs().max()) > 1e-3  # type: ignore[union-attr, operator]


@pytest.mark.slow
def test_the_loss_keeps_filters_at_right_angles() -> None:
    losses = []
    for weight in (0.0, 1.0):
        model = fresh()
        with torch.no_grad():
            for layer in model.modules():
                if getattr(layer, "bank", None) is not None:
                    layer.bank.add_(0.1 * torch.randn(layer.bank.shape))
        recipe = replace(RECIPE, epochs=1, batch_size=20, clip=0.0)
        train(model, digits(), recipe, Regularizer(weight), seed=1)
        losses.append(float(regularization(model).detach()))
    assert losses[1] < 0.5 * losses[0]


@pytest.mark.slow
def test_a_net_cut_out_starts_where_the_trained_one_is_and_learns() -> None:
    seed_everything(0)
    trained = build("resnet32", num_classes=10, in_channels=1, width=0.5)
    before = train(trained, digits(), replace(RECIPE, epochs=3), Regularizer(), seed=0).history[-1].accuracy
    wide = replace(SPEC, layers={name: SharedSpec("x", 12, 3) for name in SPEC.layers})

    def start(model: nn.Module) -> None:
        model.load_state_dict(cut_out(trained, wide, digits()).state_dict())

    model = surgery.build_model(wide)
    result = train(model, digits(), replace(RECIPE, lr=0.01), Regularizer(), seed=1, start=start)
    assert result.history[0].accuracy_before is not None
    assert result.history[0].accuracy_before > 0.8 * before
    assert result.history[-1].accuracy > 0.9 * before
