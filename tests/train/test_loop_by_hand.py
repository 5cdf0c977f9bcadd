"""Softmax regression in NumPy: schedule, Nesterov, decay, smoothing, distillation, average and loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import SearchData
from lcsearch.train import train
from lcsearch.train.teacher import Teacher


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_a_training_by_hand(digits: SearchData, share: float) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(digits.info.image_size**2, 10))
    recipe = Recipe(
        epochs=4, batch_size=640, lr=0.03, momentum=0.8, weight_decay=0.02, warmup=0.5, label_smoothing=0.2,
        average=2.0, clip=0.0, distill=share,
    )  # fmt: skip
    pixels = digits.train.images.double().flatten(1).numpy() / 255
    x = (pixels - digits.info.mean[0]) / digits.info.std[0]
    labels = 0.8 * np.eye(10)[digits.train.labels.numpy()] + 0.2 / 10
    outputs = torch.randn(1, 640, 10, generator=torch.Generator().manual_seed(5))
    taught = softmax(outputs[0].double().numpy() / 2)
    live = [tensor.detach().double().numpy() for tensor in model.parameters()]
    mean, speed, losses = [t.copy() for t in live], [0.0, 0.0], []
    rates = [0.03 * part for part in (1 / 2, 1, 2 / 3, 1 / 3)]
    for step, rate in enumerate(rates):
        scores = x @ live[0].T + live[1]
        chances, softened = softmax(scores), softmax(scores / 2)
        own = -(labels * np.log(chances)).sum(1).mean()
        teachers = 2**2 * (taught * np.log(taught / softened)).sum(1).mean()
        losses.append((1 - share) * own + share * teachers)
        error = ((1 - share) * (chances - labels) + share * 2 * (softened - taught)) / len(x)
        gradients = [error.T @ x + 0.02 * live[0], error.sum(0)]
        kept = min(math.exp(-1 / 2), step / (step + 5))
        for k, gradient in enumerate(gradients):
            speed[k] = 0.8 * speed[k] + gradient
            live[k] = live[k] - rate * (gradient + 0.8 * speed[k])
            mean[k] = kept * mean[k] + (1 - kept) * live[k]
    teacher = Teacher(outputs, seed=1, crop=0, flip=False)
    result = train(model, digits, recipe, Regularizer(), seed=0, teacher=teacher)
    for tensor, expected in zip(model.parameters(), mean, strict=True):
        np.testing.assert_allclose(tensor.detach().numpy(), expected, rtol=1e-3, atol=1e-5)
    assert [m.train_loss for m in result.history] == pytest.approx(losses, rel=1e-4)
    assert [m.learning_rate for m in result.history] == pytest.approx(rates)
