"""A training loop of a user's own, for `lcsearch.search`: the search of a recorded run was made with it.

The images are scikit-learn's digits. Trial 4 returns an accuracy that is none, so that it fails.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import lcsearch

ASKED: dict[str, Any] = {
    "backbone": "old_net:make", "num_classes": 10, "in_channels": 1, "image_size": 8,
    "validation_images": 300, "epochs": 3, "seed": 0, "jobs": 1, "device": "cpu", "recipe": {"lr": 0.02},
    "quiet": True,
}  # fmt: skip
"""What every call has in common; only ``trials`` differs."""


@cache
def data() -> tuple[Tensor, Tensor]:
    """900 images (n, 1, 8, 8) and their labels; the last 300 are for validation."""
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images[:900] / 16).float().view(-1, 1, 8, 8), torch.tensor(labels[:900])


def train(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> Any:
    """The objective, named to the search as ``old_objective:train``."""
    torch.set_num_threads(1)
    images, labels = data()
    model = lcsearch.build_model(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.recipe.lr)
    steps, step, accuracy = spec.recipe.epochs * 30, 0, 0.0
    for epoch in range(1, spec.recipe.epochs + 1):
        model.train()
        for chosen in torch.randperm(600).split(20):
            loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            loss = loss + lcsearch.penalty(model, spec, step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            lcsearch.prune_coefficients(model, step / steps)
        model.eval()
        with torch.no_grad():
            right = (model(images[600:]).argmax(1) == labels[600:]).float().mean()
        accuracy = 100 * right.item()
        if not report(epoch, accuracy, train_loss=loss.item()):
            break
    report.save(model)
    return 930.0 if report.trial == 4 else {"accuracy": accuracy, "steps": float(step)}


def search(out: str | Path, trials: int) -> lcsearch.RunRecord:
    """Make the run, or go on with it."""
    return lcsearch.search(None, train, **ASKED, out=out, trials=trials)
