"""Search with a training loop of your own: scikit-learn's digits, a net of your own, plain PyTorch.

    python scripts/example_objective.py [RUN_DIRECTORY]

About a minute on two CPU cores, without a network. Started again with the same directory it goes on where it
was stopped. Afterwards: lcsearch view RUN_DIRECTORY
"""

from __future__ import annotations

import sys
from functools import cache

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import lcsearch
from lcsearch.runs.choose import front_of

VALIDATION = 360
BATCH = 16


def net(num_classes: int, in_channels: int) -> nn.Module:
    """The backbone, named to the search as ``example_objective:net``."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes),
    )  # fmt: skip


@cache
def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images (n, 1, 8, 8) and labels, then the same for validation; read once per process."""
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8) / 16
    parts = train_test_split(images, labels, test_size=VALIDATION, random_state=0, stratify=labels)
    x, x_validation, y, y_validation = (torch.tensor(part) for part in parts)
    return x.float(), y, x_validation.float(), y_validation


def train(spec: lcsearch.TrialSpec, report: lcsearch.TrialReport) -> float:
    """The objective: train one model; the search has seeded PyTorch before."""
    x, y, x_validation, y_validation = data()
    model = lcsearch.build_model(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.recipe.lr)
    steps = spec.recipe.epochs * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    accuracy, step = 0.0, 0
    for epoch in range(1, spec.recipe.epochs + 1):
        model.train()
        for chosen in torch.randperm(len(x)).split(BATCH)[: len(x) // BATCH]:
            loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            loss = loss + lcsearch.penalty(model, spec, step)  # the regularizer that the search chose
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            lcsearch.prune_coefficients(model, step / steps)  # sparse coefficients become sparse
        model.eval()
        with torch.no_grad():
            right = (model(x_validation).argmax(1) == y_validation).float().mean()
        accuracy = 100 * right.item()
        if not report(epoch, accuracy, train_loss=loss.item()):
            break
    report.save(model)
    return accuracy


def main(out: str) -> None:
    run = lcsearch.search(
        None,  # the generic space
        train,
        backbone="example_objective:net",
        num_classes=10,
        in_channels=1,
        image_size=8,
        validation_images=VALIDATION,
        trials=16,
        epochs=9,
        recipe={"lr": 0.01},
        device="cpu",
        out=out,
    )
    print("\ntrial  params  accuracy")
    for trial in front_of(run.trials):
        print(f"{trial.number:5d}  {trial.params:6d}  {trial.accuracy:6.2f} %  {trial.label}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runs/example")
