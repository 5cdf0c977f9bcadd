"""What is looked at and what of it is counted, against the same done by hand with real nets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import INFO, lively
from torch import nn

from lcsearch.compress.cut_out import first_images
from lcsearch.compress.quick import Passes, QuickCuts
from lcsearch.core.records import Screened, TrialRecord
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.data import SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model, fold
from lcsearch.nets.tensors import write_state
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.screening import Screening
from lcsearch.search.screening.entrant import Cut, Images
from lcsearch.search.space import BoundSpace, bind, load_space

pytestmark = pytest.mark.slow

TUNED = Recipe(init="backbone")
PLAIN = ModelSpec("base", INFO.num_classes, INFO.in_channels)
SPEC = TrialSpec(replace(PLAIN, layers={"features.4": LinearSpec(0.25)}), recipe=TUNED)
SMALLER = TrialSpec(replace(PLAIN, layers={"features.4": LinearSpec(0.125)}), recipe=TUNED)
SETTINGS = RunSettings("base", "digits", device="cpu", screen=4, screen_images=0.3, inherit=True)


@pytest.fixture(scope="module")
def data() -> SearchData:
    """Images with the labels that the backbone itself gives to nearly all of them."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (60, 1, 16, 16), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.zeros(60, dtype=torch.int64))
    given = SearchData(INFO, split, split)
    labels = lively(PLAIN)(first_images(given, 60)).argmax(1)
    labels[::7] = 3
    return replace(given, train=Split(images, labels))


@pytest.fixture
def screening(tmp_path: Path, data: SearchData) -> Screening:
    directory = RunDirectory(tmp_path)
    directory.start.mkdir()
    write_state(lively(PLAIN).state_dict(), directory.start / "backbone.safetensors")
    return Screening(directory, SETTINGS, space(), lambda: data)


def space() -> BoundSpace:
    with torch.device("meta"):
        model = build_model(PLAIN)
    return bind(load_space(None, "base"), model, PLAIN, (1, 16, 16))


def params(model: ModelSpec) -> int:
    return count(build_model(model), (1, 16, 16)).params


def by_hand(whole: nn.Module, spec: TrialSpec, data: SearchData) -> float:
    """Cut out by the first 42 images, judged by the last 18."""
    images = first_images(data, 60)
    model = QuickCuts(whole, {}, images[:42], Passes()).cut(spec.model).eval()
    with torch.no_grad():
        return 100 * float((model(images[42:]).argmax(1) == data.train.labels[42:]).sum()) / 18


def test_models_are_judged_by_images_that_nothing_was_fitted_to(
    screening: Screening, data: SearchData
) -> None:
    for spec in (SPEC, SMALLER, TrialSpec(PLAIN, recipe=TUNED)):
        found = screening.one(spec, None, History())
        assert found.accuracy == pytest.approx(by_hand(lively(PLAIN), spec, data)) and found.models == 1


def test_each_pass_is_counted_once_it_was_made(screening: Screening) -> None:
    """The backbone sees 42 images for what its layers answer, and 32 of them forward and back for weights."""
    counts = [screening.one(SPEC, None, History()).images for _ in range(2)]
    assert counts == [18 + (42 + 3 * 32) + 2 * 42 + 18, 2 * 42 + 18]
    assert screening.spent() == 0


def parent(number: int, spec: TrialSpec, tmp_path: Path) -> TrialRecord:
    """A trial that was trained, with the weights that it left."""
    folder = tmp_path / "trials" / str(number)
    folder.mkdir(parents=True)
    write_state(lively(spec.model, seed=9).state_dict(), folder / "weights.safetensors")
    return TrialRecord(number, "complete", "sampler", "", spec, params(spec.model), 1, accuracy=80.0)


def test_candidates_are_cut_out_of_what_they_would_be_trained_from(
    screening: Screening, data: SearchData, tmp_path: Path
) -> None:
    history = History([parent(0, SPEC, tmp_path)])
    told = list[int]()
    made = [screening.entrant(spec, history, lambda: told.append(1)) for spec in (SMALLER, SPEC)]
    wholes = [fold(lively(SPEC.model, seed=9))] * 2
    assert not told
    for one, whole, spec in zip(made, wholes, (SMALLER, SPEC), strict=True):
        assert one is not None and one.accuracy(18) == pytest.approx(by_hand(whole, spec, data))
        assert one.most == pytest.approx(by_hand(whole, TrialSpec(PLAIN), data))
    assert told == [1, 1]
    larger = screening.entrant(TrialSpec(PLAIN, recipe=TUNED), history, lambda: None)
    whole = by_hand(lively(PLAIN), TrialSpec(PLAIN), data)
    assert larger is not None and larger.accuracy(18) == pytest.approx(whole)
    assert screening.entrant(TrialSpec(SPEC.model), history, lambda: None) is None


def test_without_inheritance_all_are_cut_out_of_the_backbone(
    screening: Screening, data: SearchData, tmp_path: Path
) -> None:
    alone = Screening(RunDirectory(tmp_path), replace(SETTINGS, inherit=False), space(), lambda: data)
    made = alone.entrant(SMALLER, History([parent(0, SPEC, tmp_path)]), lambda: None)
    assert made is not None and made.accuracy(18) == pytest.approx(by_hand(lively(PLAIN), SMALLER, data))


def test_a_pool_says_of_the_chosen_one_what_all_of_them_took(screening: Screening) -> None:
    said = list[str]()
    specs = {"a": SPEC, "b": TrialSpec(SMALLER.model), "c": SMALLER}

    def suggest(trial: object) -> TrialSpec:
        return specs[trial.suggest_categorical("which", ["a", "b", "c"])]  # type: ignore[attr-defined]

    pool = screening.pool(suggest, History(), said.append)  # type: ignore[arg-type]
    assert pool.count == 4 and pool.screened(SPEC) is None
    found = pool([{"which": name} for name in specs], lambda known: np.array([a or 0.0 for a in known]))
    assert found[1] is None and found[0] is not None
    assert said[0] == "screening candidates: 1 cut out"
    chosen = pool.screened(SPEC)
    assert chosen == Screened(found[0], len(said), chosen.images if chosen else 0)
    assert chosen is not None and chosen.images > 18 and screening.spent() == 0


def test_what_cannot_be_cut_out_has_nothing_right(screening: Screening) -> None:
    wrong = TrialSpec(replace(PLAIN, layers={"features.99": LinearSpec(0.5)}), recipe=TUNED)
    assert screening.one(wrong, None, History()).accuracy == 0.0


def test_an_accuracy_is_of_the_runs_metric(data: SearchData) -> None:
    """Of one class all are right, of another none: half, however many there are of each."""
    labels, passes = torch.tensor([0] * 9 + [1]), Passes()
    images = Images(Split(data.train.images[:10], labels), INFO, "balanced-accuracy", "cpu", passes)

    class Zero(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.eye(10)[torch.zeros(len(x), dtype=torch.int64)]

    cut = Cut(Zero, images)
    assert [cut.accuracy(count) for count in (4, 10)] == [100.0, 50.0]
    assert passes.images == 10
