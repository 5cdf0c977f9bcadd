from __future__ import annotations

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score
from torch import nn

from lcsearch.data import SearchData, Split
from lcsearch.train import evaluate
from lcsearch.train.evaluate import images_at_once, scores_of


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


def test_metrics_are_of_all_images_together_not_means_over_batches(digits: SearchData) -> None:
    """A linear model whose answers a plain loop computes, on digits that are mostly zeros and ones."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(digits.info.image_size**2, 10))
    few = digits.validation.labels < 2
    few[:60] = True
    few = few.nonzero().flatten()
    split = Split(digits.validation.images[few], digits.validation.labels[few])
    weight, bias = model[1].weight.detach().double(), model[1].bias.detach().double()
    answers = [
        int(
            (
                weight @ ((image.double().flatten() / 255 - digits.info.mean[0]) / digits.info.std[0]) + bias
            ).argmax()
        )
        for image in split.images
    ]
    labels = split.labels.tolist()
    expected = {
        "accuracy": 100 * sum(a == b for a, b in zip(answers, labels, strict=True)) / len(labels),
        "balanced-accuracy": 100 * balanced_accuracy_score(labels, answers),
        "macro-f1": 100 * f1_score(labels, answers, average="macro"),
    }
    found = scores_of(model, split, digits.info, ("macro-f1", "accuracy", "balanced-accuracy"), batch_size=7)
    assert found == pytest.approx(expected)
    assert evaluate(model, split, digits.info, metric="macro-f1") == pytest.approx(expected["macro-f1"])
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(
    ("device", "size", "images"),
    [("cpu", 28, 100), ("mps", 28, 100), ("cuda", 32, 1024), ("cuda", 28, 1337), ("cuda:1", 224, 100)],
)
def test_a_gpu_gets_more_small_images_at_a_time(device: str, size: int, images: int) -> None:
    assert images_at_once(size, device) == images
