"""Learning from outputs: the loss against its definition, the outputs against the model, the views."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer
from lcsearch.data import SearchData
from lcsearch.nets.surgery import build_model
from lcsearch.train import train
from lcsearch.train.teacher import Teacher, distillation_loss, make_teacher, read_teacher, write_teacher

RECIPE = Recipe(epochs=3, batch_size=64, lr=0.02, distill=0.5, crop=2, flip=True)


def small(width: float = 0.25) -> nn.Module:
    torch.manual_seed(1)
    return build_model(ModelSpec("base", 10, 1, width))


def test_loss_is_the_divergence_written_out() -> None:
    torch.manual_seed(0)
    student, teacher, t = 3 * torch.randn(5, 4), 3 * torch.randn(5, 4), 2.5
    total = 0.0
    for row, wanted in zip(student.tolist(), teacher.tolist(), strict=True):
        q = [math.exp(x / t) / sum(math.exp(y / t) for y in row) for x in row]
        p = [math.exp(x / t) / sum(math.exp(y / t) for y in wanted) for x in wanted]
        total += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert float(distillation_loss(student, teacher, t)) == pytest.approx(t * t * total / 5, rel=1e-5)


def test_loss_is_zero_for_the_teacher_itself_and_shifts_do_not_matter() -> None:
    scores = torch.randn(6, 10)
    assert float(distillation_loss(scores + 3.0, scores)) == pytest.approx(0, abs=1e-5)


def test_the_gradient_keeps_its_size_when_the_temperature_rises() -> None:
    """Hinton et al., section 2.1: for high T and centred scores it tends to (z - v) / N, here per image."""
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 3, 10, dtype=torch.float64)
    student, teacher = (x - x.mean(1, keepdim=True) for x in (student, teacher))
    student.requires_grad_(True)
    distillation_loss(student, teacher, 1e4).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(student.grad, (student.detach() - teacher) / 10 / 3, rtol=1e-3, atol=1e-6)


class Watching(nn.Module):
    """Keeps every image it is trained on."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            self.seen.append(images.detach().clone())
        scores: Tensor = self.inner(images)
        return scores


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """The teacher's scores of each batch, as the loss gets them."""
    from lcsearch.train import loop

    heard: list[Tensor] = []

    def listening(scores: Tensor, teacher: Tensor) -> Tensor:
        heard.append(teacher.clone())
        return distillation_loss(scores, teacher)

    monkeypatch.setattr(loop, "distillation_loss", listening)
    yield heard


@pytest.mark.slow
@pytest.mark.parametrize("change", [{}, {"crop": 0, "flip": False}])
def test_the_teachers_scores_are_of_the_very_images_of_the_batch(
    digits: SearchData, wanted: list[Tensor], change: dict[str, int]
) -> None:
    recipe = replace(RECIPE, **change)  # type: ignore[arg-type]
    backbone = small().eval()
    said: list[str] = []
    teacher = make_teacher(backbone, digits, recipe, seed=9, progress=said.append)
    views = 1 if change else 3
    assert len(teacher.outputs) == views
    assert said == [f"the backbone's outputs: view {view} of {views}" for view in range(1, views + 1)]
    student = Watching(small(0.5))
    train(student, digits, recipe, Regularizer(), seed=3, teacher=teacher)
    assert len(wanted) == len(student.seen) == 30
    for images, scores in zip(student.seen, wanted, strict=True):
        with torch.no_grad():
            torch.testing.assert_close(backbone(images), scores, rtol=1e-4, atol=1e-5)


def test_the_backbone_is_asked_in_evaluation_mode_and_left_as_it_was(digits: SearchData) -> None:
    backbone = small().train()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    teacher = make_teacher(backbone, digits, replace(RECIPE, crop=0, flip=False), seed=9)
    assert backbone.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())
    images = (digits.train.images.float() / 255 - digits.info.mean[0]) / digits.info.std[0]
    with torch.no_grad():
        torch.testing.assert_close(teacher.outputs[0], backbone.eval()(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_every_student_sees_the_same_view_of_an_image_in_an_epoch(digits: SearchData) -> None:
    """Whatever its own seed: in another order, but the same pixels."""
    teacher = make_teacher(small(), digits, RECIPE, seed=9)
    views = []
    for seed in (3, 4):
        student = Watching(small())
        train(student, digits, RECIPE, Regularizer(), seed=seed, teacher=teacher)
        views.append(student.seen)
    assert not torch.equal(views[0][0], views[1][0])
    for epoch in range(3):
        one, two = (torch.cat(view[10 * epoch : 10 * epoch + 10]).flatten(1) for view in views)
        assert sorted(map(tuple, one.tolist())) == sorted(map(tuple, two.tolist()))
    first, second = (torch.cat(views[0][10 * e : 10 * e + 10]).flatten(1) for e in (0, 1))
    assert sorted(map(tuple, first.tolist())) != sorted(map(tuple, second.tolist()))


@pytest.mark.slow
def test_a_checkpoint_of_another_teachers_views_is_not_continued(digits: SearchData, tmp_path: Path) -> None:
    resumed = []
    for seed in (9, 9, 8):
        teacher = make_teacher(small(), digits, RECIPE, seed=seed)
        path = tmp_path / "checkpoint.pt"
        result = train(small(), digits, RECIPE, Regularizer(), seed=3, teacher=teacher, checkpoint=path)
        resumed.append(result.resumed_from)
    assert resumed == [0, 3, 0]


@pytest.mark.slow
def test_no_share_of_distillation_changes_nothing(digits: SearchData) -> None:
    recipe = replace(RECIPE, distill=0.0)
    one, two = small(), small()
    train(one, digits, recipe, Regularizer(), seed=3)
    train(two, digits, recipe, Regularizer(), seed=3, teacher=make_teacher(small(), digits, RECIPE, seed=9))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.slow
def test_all_of_the_loss_makes_the_student_agree_with_the_teacher(digits: SearchData) -> None:
    """Not even a wrong label matters then."""
    backbone = small()
    train(backbone, digits, Recipe(epochs=6, batch_size=32), Regularizer(), seed=0)
    recipe = Recipe(epochs=6, batch_size=32, distill=1.0)
    wrong = replace(digits.train, labels=(digits.train.labels + 1) % 10)
    data = replace(digits, train=wrong)
    result = train(
        small(), data, recipe, Regularizer(), seed=1, teacher=make_teacher(backbone, data, recipe, seed=0)
    )
    assert result.accuracy > 75


def test_written_and_read_it_is_the_same_and_a_damaged_one_is_one_clear_line(
    digits: SearchData, tmp_path: Path
) -> None:
    teacher = make_teacher(small(), digits, RECIPE, seed=9)
    path = tmp_path / "teacher.safetensors"
    write_teacher(teacher, path)
    found = read_teacher(path)
    assert torch.equal(found.outputs, teacher.outputs)
    assert (found.seed, found.crop, found.flip, found.resized) == (9, 2, True, False)
    write_teacher(replace(teacher, resized=True), path)
    assert read_teacher(path).resized
    path.write_bytes(path.read_bytes()[:-100])
    for broken in (path, tmp_path / "missing.safetensors"):
        with pytest.raises(InputError, match=f"{broken.name}: does not read"):
            read_teacher(broken)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 4}, "3 views .* needs 4 views"),
        ({"crop": 1}, "crop 2, flips.*crop 1, flips"),
        ({"augment": "resize"}, "crop 2, flips.*resized crops, flips"),
        ({"crop": 0, "flip": False}, "needs 1 views"),
    ],
)
def test_a_teacher_of_other_views_is_refused(
    digits: SearchData, changes: dict[str, int | str], message: str
) -> None:
    teacher = make_teacher(small(), digits, RECIPE, seed=9)
    with pytest.raises(InputError, match=message):
        train(small(), digits, replace(RECIPE, **changes), Regularizer(), seed=3, teacher=teacher)  # type: ignore[arg-type]


def test_other_images_or_no_teacher_are_refused(digits: SearchData) -> None:
    few = Teacher(torch.zeros(3, 100, 10), 9, 2, True)
    with pytest.raises(InputError, match=r"of 100 images, 10 classes; .* of 640 images"):
        train(small(), digits, RECIPE, Regularizer(), seed=3, teacher=few)
    with pytest.raises(InputError, match=r"distill is 0\.5"):
        train(small(), digits, RECIPE, Regularizer(), seed=3)
