"""Trials that start from a trained backbone: what they start with, what they report, how they resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.job import Job, Parent
from lcsearch.core.spec import LayerSpec, ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.data import SearchData
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.surgery import build_model
from lcsearch.train import evaluate, objective, train
from lcsearch.train.objective import TrainObjective
from lcsearch.train.start import Start
from lcsearch.train.teacher import make_teacher, write_teacher

pytestmark = pytest.mark.slow

PLAIN = ModelSpec("base", 10, 1, width=0.25)
LAYERS = {
    "features.4": LinearSpec(0.25),
    "features.8": LinearSpec(0.25, rank=3),
    "features.12": LinearSpec(0.5, sparsity=0.5),
}
RECIPE = Recipe(epochs=3, batch_size=64, lr=0.02, init="backbone", distill=0.5, crop=1)
SPEC = TrialSpec(replace(PLAIN, layers=LAYERS), Regularizer(weight=0.01), RECIPE)
OBJECTIVE = TrainObjective("digits", train_images=640, validation_images=300, device="cpu", threads=1)


@pytest.fixture(scope="module")
def backbone(digits: SearchData) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(PLAIN)
    train(model, digits, Recipe(epochs=6, batch_size=32), Regularizer(), seed=0)
    return model


@pytest.fixture(scope="module")
def start(backbone: nn.Module, digits: SearchData, tmp_path_factory: pytest.TempPathFactory) -> Start:
    made = Start(tmp_path_factory.mktemp("run") / "start")
    made.write_backbone(backbone.state_dict())
    write_teacher(make_teacher(backbone, digits, RECIPE, seed=5), made.teacher)
    return made


@pytest.fixture(scope="module")
def whole(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """The folder of a trial that nothing disturbed, and its metrics."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, dict(OBJECTIVE(make_job(folder, start), go_on))


def make_job(directory: Path, start: Start, spec: TrialSpec = SPEC, *, resume: bool = False) -> Job:
    return Job(5, 0, 17, spec, str(directory), resume, start=str(start.folder))


def go_on(epoch: int, metrics: Mapping[str, float]) -> bool:
    return True


def with_recipe(spec: TrialSpec, **changes: object) -> TrialSpec:
    return replace(spec, recipe=replace(spec.recipe, **changes))  # type: ignore[arg-type]


def test_nothing_compressed_starts_exactly_as_the_backbone(
    tmp_path: Path, start: Start, backbone: nn.Module, digits: SearchData
) -> None:
    seen: list[float] = []
    spec = with_recipe(replace(SPEC, model=PLAIN), distill=0.0)
    result = OBJECTIVE(
        make_job(tmp_path, start, spec),
        lambda epoch, metrics: seen.append(metrics["accuracy_before"]) is None,
    )
    expected = evaluate(backbone, digits.validation, digits.info)
    assert expected > 80
    assert seen == [expected] * 3 and result["accuracy_before"] == expected


def test_a_cut_out_model_is_better_than_chance_before_and_good_after(
    whole: tuple[Path, dict[str, float]], digits: SearchData
) -> None:
    folder, result = whole
    assert result["accuracy"] > 80 and result["accuracy_before"] > 30
    model = build_model(SPEC.model)
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    assert evaluate(model, digits.validation, digits.info) == result["accuracy"]


def test_from_scratch_nothing_is_said_of_before(tmp_path: Path, start: Start) -> None:
    spec = with_recipe(SPEC, init="scratch", distill=0.0, epochs=1)
    seen: list[set[str]] = []
    result = OBJECTIVE(
        make_job(tmp_path, start, spec), lambda epoch, metrics: seen.append(set(metrics)) is None
    )
    assert "accuracy_before" not in seen[0] | result.keys()


@pytest.mark.parametrize("last", [1, 3])
def test_killed_and_resumed_it_ends_the_same_and_fits_nothing_again(
    tmp_path: Path,
    start: Start,
    whole: tuple[Path, dict[str, float]],
    last: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, expected = whole

    def die(epoch: int, metrics: Mapping[str, float]) -> bool:
        if epoch == last:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        OBJECTIVE(make_job(tmp_path / "killed", start), die)
    torch.rand(3)
    monkeypatch.setattr(objective, "cut_out", None)
    seen: list[tuple[int, float]] = []
    again = OBJECTIVE(
        make_job(tmp_path / "killed", start, resume=True),
        lambda epoch, metrics: seen.append((epoch, metrics["accuracy_before"])) is None,
    )
    assert {**again, "resumed_from": 0.0} == {**expected, "resumed_from": 0.0}
    assert seen == [(epoch, expected["accuracy_before"]) for epoch in range(last, 4)]
    assert files(folder) == files(tmp_path / "killed")


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_resumed_trial_without_a_usable_checkpoint_is_cut_out_again(
    tmp_path: Path, start: Start, whole: tuple[Path, dict[str, float]]
) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "checkpoint.pt").write_bytes(b"no checkpoint")
    assert OBJECTIVE(make_job(tmp_path / "damaged", start, resume=True), go_on) == whole[1]


def test_weights_of_the_very_model_are_taken_as_they_are(
    tmp_path: Path, whole: tuple[Path, dict[str, float]], digits: SearchData
) -> None:
    folder, first = whole
    other = Start(tmp_path / "start")
    other.folder.mkdir()
    other.compressed.write_bytes((folder / "weights.safetensors").read_bytes())
    spec = with_recipe(SPEC, distill=0.0)
    second = OBJECTIVE(make_job(tmp_path / "second", other, spec), go_on)
    assert second["accuracy_before"] == first["accuracy"]
    another = replace(spec, model=replace(SPEC.model, layers={"features.4": LinearSpec(0.5)}))
    with pytest.raises(HaltError, match=r"compressed\.safetensors"):
        OBJECTIVE(make_job(tmp_path / "third", other, another), go_on)


def test_a_model_trains_on_from_exactly_the_weights_that_its_trial_left(
    tmp_path: Path, start: Start, whole: tuple[Path, dict[str, float]]
) -> None:
    folder, first = whole
    spec = with_recipe(SPEC, init="trial", epochs=2)
    job = replace(make_job(tmp_path / "on", start, spec), parent=Parent(str(folder), SPEC.model))
    second = OBJECTIVE(job, go_on)
    assert (second["accuracy_before"], second["epochs"]) == (first["accuracy"], 2)
    begun = build_model(SPEC.model)
    begin = objective.start_of(job, OBJECTIVE.data(), "cpu")
    assert begin is not None
    begin(begun)
    left = load_file(folder / "weights.safetensors")
    assert all(torch.equal(tensor, left[name]) for name, tensor in begun.state_dict().items())
    untaught = replace(job, spec=with_recipe(spec, distill=0.0), start="", directory=str(tmp_path / "alone"))
    assert OBJECTIVE(untaught, go_on)["accuracy_before"] == first["accuracy"]
    gone = replace(job, parent=Parent(str(tmp_path / "gone"), SPEC.model), directory=str(tmp_path / "third"))
    with pytest.raises(HaltError, match=r"gone.weights\.safetensors"):
        OBJECTIVE(gone, go_on)


def test_a_model_is_cut_out_of_its_parent_instead_of_the_backbone(tmp_path: Path, start: Start) -> None:
    thin = {name: LinearSpec(0.06) for name in LAYERS}
    model = replace(PLAIN, layers=thin)
    spec = with_recipe(replace(SPEC, model=model), lr=0.1)
    first = OBJECTIVE(make_job(tmp_path / "first", start, spec), go_on)
    parent = Parent(str(tmp_path / "first"), model)

    def before(layers: Mapping[str, LayerSpec], whence: Parent | None) -> float:
        spec = with_recipe(replace(SPEC, model=replace(PLAIN, layers=layers)), distill=0.0, epochs=1)
        job = make_job(tmp_path / f"{len(layers)}-{whence is None}", start, spec)
        return OBJECTIVE(replace(job, parent=whence), go_on)["accuracy_before"]

    one_image = 100 / 300
    assert before({}, parent) == pytest.approx(first["accuracy"], abs=1.01 * one_image)
    assert before(thin, None) == first["accuracy_before"] < before(thin, parent) - 20
    (tmp_path / "first" / "weights.safetensors").unlink()
    with pytest.raises(HaltError, match=r"first.weights\.safetensors"):
        before(thin, parent)


def test_channels_are_cut_out_of_the_backbone_and_out_of_a_thinner_parent(
    tmp_path: Path, start: Start, digits: SearchData
) -> None:
    half = dict.fromkeys(("features.0", "features.4", "features.8", "features.12"), 0.5)
    model = replace(PLAIN, layers={"features.8": LinearSpec(0.5)}, channels=half, image_size=(8, 8))
    spec = with_recipe(replace(SPEC, model=model), epochs=1)
    first = OBJECTIVE(make_job(tmp_path / "first", start, spec), go_on)
    assert first["accuracy_before"] > 60
    child = replace(model, layers=LAYERS, channels=half | {"features.12": 0.25})
    job = make_job(tmp_path / "second", start, replace(spec, model=child))
    second = OBJECTIVE(replace(job, parent=Parent(str(tmp_path / "first"), model)), go_on)
    assert second["accuracy_before"] > 30
    made = build_model(child)
    made.load_state_dict(load_file(tmp_path / "second" / "weights.safetensors"))
    assert evaluate(made, digits.validation, digits.info) == second["accuracy"]


def test_what_is_missing_is_one_clear_line(tmp_path: Path, start: Start) -> None:
    nowhere = replace(make_job(tmp_path, start), start="")
    with pytest.raises(InputError, match="needs a trained backbone, and there is none"):
        OBJECTIVE(nowhere, go_on)
    empty = Start(tmp_path / "start")
    for spec in (SPEC, with_recipe(SPEC, distill=0.0)):
        with pytest.raises(HaltError, match="start"):
            OBJECTIVE(make_job(tmp_path / "5", empty, spec), go_on)


def test_fitting_draws_nothing_from_the_random_generators(start: Start) -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    model = build_model(SPEC.model)
    begin = objective.start_of(make_job(Path(), start), OBJECTIVE.data(), "cpu")
    assert begin is not None
    torch.manual_seed(4)
    begin(model)
    assert torch.equal(torch.rand(3), expected)
