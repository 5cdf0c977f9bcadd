"""What is measured before models are cut out of a backbone, and what is proposed from it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.core.spec import ModelSpec, Recipe
from lcsearch.layers.families import linear
from lcsearch.nets import surgery
from lcsearch.runs.settings import RunSettings
from lcsearch.search.proposals import guided
from lcsearch.search.proposals.guided import Preparing, distinct
from lcsearch.search.space import BoundSpace, bind, parse_space


def bound() -> BoundSpace:
    template = ModelSpec("base", 10, 1)
    rule = {"kind": ["conv", "linear"], "alpha": {"low": 0.05, "high": 1.0}}
    plain = {"version": 1, "backbone": "base", "layers": {"*": rule}}
    with torch.device("meta"):
        return bind(parse_space(plain, "space"), surgery.build_model(template), template)


def measured(space: BoundSpace) -> Sensitivity:
    """Each way of each layer loses more the smaller its share is."""
    draw = random.Random(0)
    rows = [
        Row(name, way, loss=0.0, accuracy=0.0, divergence=draw.uniform(0.9, 1.0) / way.spec.alpha)
        for name, shape in space.shapes(()).items()
        for way in linear.FAMILY.ways_of(shape, (0.5, 0.25, 0.125, 0.0625), ())
    ]
    return Sensitivity(0.0, 100.0, 1, tuple(rows))


class Objective:
    """Stands in for the run's objective."""

    def data(self) -> str:
        return "the run's data"


def settings_for(most: int | None) -> RunSettings:
    return RunSettings(
        "base", "digits", seed=3, device="cpu", threads_alone=2, fine_tune=Recipe(lr=0.01, init="backbone"),
        max_params=most, train_images=50, validation_images=20,
    )  # fmt: skip


@pytest.mark.parametrize("most", [None, 150_000])
def test_the_plain_net_is_measured_and_smaller_ones_proposed_largest_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, most: int | None
) -> None:
    space, told, settings = bound(), dict[str, Any](), settings_for(most)

    def prepare(start: Path, **more: Any) -> None:
        told.update(more, start=start)

    class Start:
        def __init__(self, folder: Path) -> None:
            assert folder == told["start"], "read once it is filled"

        def read_sensitivity(self) -> Sensitivity:
            return measured(space)

    asked = list[RunSettings]()
    monkeypatch.setattr(guided, "prepare", prepare)
    monkeypatch.setattr(guided, "Start", Start)
    monkeypatch.setattr(guided, "make_objective", lambda given, images: asked.append(given) or Objective())
    models = Preparing(settings, space)(tmp_path, print)
    assert not asked, "the data is read where it is needed"
    assert told.pop("data")() == "the run's data" and asked == [settings]
    assert told == {
        "start": tmp_path,
        "template": ModelSpec("base", 10, 1),
        "layers": space.searched_layers,
        "groups": space.thinning.found,
        "counts": {},
        "families": ("linear",),
        "recipe": settings.fine_tune,
        "scratch": settings.thinner_recipe,
        "longer": None,
        "seed": 3,
        "device": "cpu",
        "threads": 2,
        "seen": "",
        "progress": print,
    }
    sizes = [space.params(model) for model in models]
    assert len(sizes) >= 3 and sizes == sorted(set(sizes), reverse=True)
    assert max(sizes) < (most or space.params(space.plain()))


def test_no_model_stands_twice() -> None:
    one, other = ModelSpec("base", 10, 1), ModelSpec("base", 10, 1, 0.5)
    assert distinct([one, other, one, other]) == [one, other]
    assert distinct([]) == []


@pytest.mark.parametrize(
    ("budget", "size"),
    [(999, None), (1000, 0), (1008, 0), (1009, 9), (1018, 9), (1050, 49), (1098, 89), (1099, 99), (9999, 99)],
)
def test_of_too_many_sums_the_best_of_each_step_is_kept(
    monkeypatch: pytest.MonkeyPatch, budget: int, size: int | None
) -> None:
    """A hundred sizes, each better than the one before: of ten the last, and the first of all."""
    monkeypatch.setattr(guided, "MOST_SUMS", 10)
    options = [(1000 + n, 100.0 - n) for n in range(100)]
    assert guided.knapsack([options, [(0, 0.0)]], [budget]) == [None if size is None else (size, 0)]
