"""What becomes of what the user asked for, and of what was left to us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lcsearch.core.errors import InputError
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.spec import Recipe
from lcsearch.runs.settings import RunSettings
from lcsearch.search.options import default_train_images, explicit_recipe, names_precision, resolve
from lcsearch.search.workers import make_objective


def resolved(**asked: Any) -> RunSettings:
    return resolve({"backbone": "base", "dataset": "digits", **asked})


@pytest.mark.parametrize(
    ("asked", "init"),
    [
        ({}, "trained"),
        ({"init": "pretrained", "backbone": "torchvision:resnet18"}, "pretrained"),
        ({"init": "scratch"}, "scratch"),
    ],
)
def test_models_are_cut_out_of_a_backbone_unless_told_otherwise(asked: dict[str, Any], init: str) -> None:
    assert resolved(**asked).init == init


DEVICES: list[tuple[str, str, dict[str, Any]]] = [
    ("cpu", "trained", {"trials": 22, "epochs": 3, "fine_tune": 1, "threads": 1, "gpus_per_trial": 0.0}),
    ("cpu", "scratch", {"trials": 18, "epochs": 3, "fine_tune": None, "threads": 1, "gpus_per_trial": 0.0}),
    ("cuda", "trained", {"trials": 120, "epochs": 12, "fine_tune": 4, "threads": 0, "gpus_per_trial": 1.0}),
    ("cuda", "scratch", {"trials": 60, "epochs": 12, "fine_tune": None, "threads": 0, "jobs": 1}),
    ("mps", "scratch", {"trials": 60, "epochs": 12, "threads": 0, "jobs": 1, "gpus_per_trial": 0.0}),
]


@pytest.mark.parametrize(("device", "init", "expected"), DEVICES)
def test_a_gpu_does_more_trials_and_more_where_they_are_short(
    monkeypatch: pytest.MonkeyPatch, device: str, init: str, expected: dict[str, Any]
) -> None:
    monkeypatch.setattr("lcsearch.search.options.pick_device", lambda asked: asked)
    settings = resolved(device=device, init=init)
    tuned = settings.fine_tune
    found = {"epochs": settings.recipe.epochs, "fine_tune": tuned and tuned.epochs}
    found |= {name: getattr(settings, name) for name in expected if name not in found}
    assert {name: found[name] for name in expected} == expected
    assert resolved(device=device, engine="ray").jobs is None
    assert resolved(device=device, jobs="auto").jobs == "auto"
    assert default_train_images(settings, 60_000) == (10_000 if device == "cpu" else 60_000)
    assert default_train_images(settings, 5_000) == 5_000


@pytest.fixture
def three_threads() -> Iterator[None]:
    """PyTorch takes three threads by itself, whatever the machine and OMP_NUM_THREADS."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(
    ("asked", "alone"),
    [
        ({}, 3),
        ({"jobs": 1}, 3),
        ({"engine": "ray"}, 3),
        ({"engine": "ray", "ray_address": "auto"}, 1),
        ({"engine": "ray", "ray_address": "auto", "cpus_per_trial": 4.0}, 4),
        ({"engine": "ray", "ray_address": "auto", "cpus_per_trial": 0.5}, 1),
        ({"device": "cuda"}, 0),
    ],
)
def test_the_backbone_alone_has_the_machine_and_on_a_cluster_what_is_reserved(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], alone: int
) -> None:
    monkeypatch.setattr("lcsearch.search.options.pick_device", lambda asked: asked)
    assert resolved(**{"device": "cpu"} | asked).threads_alone == alone


def test_models_are_cut_out_of_each_other_unless_told_otherwise() -> None:
    assert resolved(device="cpu").inherit
    assert not resolved(device="cpu", inherit=False).inherit
    assert not resolved(device="cpu", init="scratch").inherit


def test_what_is_typed_wins_over_the_recipe_file_and_that_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("{lr: 0.2, momentum: 0.5, epochs: 7}")
    asked = {"recipe": file, "lr": 0.3, "device": "cpu"}
    assert resolved(**asked).recipe == Recipe(epochs=7, lr=0.3, momentum=0.5)
    assert resolved(**asked, epochs=2).recipe.epochs == 2
    assert explicit_recipe(asked) == {"lr", "momentum", "epochs"}
    assert explicit_recipe({"fine_tune_lr": 0.1, "batch_size": 8}) == {"lr", "batch_size"}
    assert resolved(device="cpu", recipe={"lr": 0.2}).recipe == Recipe(epochs=3, lr=0.2)


@pytest.mark.parametrize(
    ("asked", "named", "precision"),
    [
        ({}, False, "float32"),
        ({"precision": "auto"}, False, "float32"),
        ({"precision": "bfloat16"}, True, "bfloat16"),
        ({"precision": "float32", "recipe": {"precision": "bfloat16"}}, True, "float32"),
        ({"recipe": {"precision": "bfloat16"}}, True, "bfloat16"),
        ({"precision": "auto", "recipe": {"precision": "bfloat16"}}, False, "float32"),
    ],
)
def test_the_precision_is_left_to_us_unless_it_is_named(
    asked: dict[str, Any], named: bool, precision: str
) -> None:
    assert names_precision(asked) == named
    settings = resolved(device="cpu", **asked)
    assert settings.fine_tune is not None
    assert {settings.recipe.precision, settings.fine_tune.precision} == {precision}


def test_a_fine_tuning_learns_half_from_the_backbone_unless_its_head_is_new(tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    weights.touch()
    shares = {
        resolved(init=str(weights), **more).fine_tune.distill: more  # type: ignore[union-attr]
        for more in ({}, {"new_head": True}, {"new_head": True, "distill": 0.25})
    }
    assert shares == {0.5: {}, 0.0: {"new_head": True}, 0.25: {"new_head": True, "distill": 0.25}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"init": "scratch", "distill": 0.5},
        "distill=0.5: means nothing with init='scratch'; use init=",
    ),
    ({"init": "scratch", "inherit": False}, "inherit=False: means nothing with init='scratch'"),
    ({"init": "nowhere.pt"}, "init: there is no file 'nowhere.pt'"),
    ({"init": "."}, "init: . is a folder"),
    ({"device": "tpu"}, "device='tpu': cannot be used here"),
    ({"device": "cpu", "cpus_per_trial": 0.0}, "cpus_per_trial: 0 needs gpus_per_trial above 0"),
]


@pytest.mark.parametrize(("asked", "message"), REFUSED)
def test_what_does_not_go_together_is_refused_by_name(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolved(**asked)


def test_a_share_of_a_gpu_needs_no_cpu() -> None:
    settings = resolved(device="cpu", cpus_per_trial=0.0, gpus_per_trial=0.25)
    assert (settings.cpus_per_trial, settings.gpus_per_trial) == (0.0, 0.25)


def test_published_weights_bring_their_net_and_what_they_expect_of_images() -> None:
    asked = {"backbone": "torchvision:inception_v3", "init": "pretrained"}
    settings = resolved(**asked)
    assert settings.backbone == "torchvision:inception_v3@pretrained"
    assert settings.normalisation == Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert make_objective(settings).normalisation == settings.normalisation
    for other in ("trained", "scratch"):
        settings = resolved(**asked | {"init": other})
        assert (settings.backbone, settings.normalisation) == (asked["backbone"], None)
