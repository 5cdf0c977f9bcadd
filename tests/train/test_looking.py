"""What workers see of models before any training, against the same done by hand with real nets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import INFO, lively
from torch import nn

from lcsearch.compress.cut_out import first_images
from lcsearch.compress.looks import Cut, Images
from lcsearch.compress.quick import Passes, QuickCuts
from lcsearch.core.errors import HaltError
from lcsearch.core.job import BEFORE, Job, Parent
from lcsearch.core.look import Glance, Look, Prospect
from lcsearch.core.spec import ModelSpec, Precision, Recipe, TrialSpec
from lcsearch.data import SearchData, Split
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.surgery import fold
from lcsearch.nets.tensors import write_state
from lcsearch.train.looking import _kept
from lcsearch.train.objective import TrainObjective

pytestmark = pytest.mark.slow

PLAIN = ModelSpec("base", INFO.num_classes, INFO.in_channels)
HALF = replace(PLAIN, layers={"features.4": LinearSpec(0.5)})
SMALL = replace(PLAIN, layers={"features.4": LinearSpec(0.125)})
WRONG = replace(PLAIN, layers={"features.99": LinearSpec(0.5)})
HELD = 18
COUNTS = (4, 9, HELD)
MADE = (42 + 3 * 32) + 2 * 42
"""What it takes to cut the first model out of a net: what its layers answer, with weights, and two passes."""
AGAIN = 2 * 42


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
def objective(data: SearchData) -> TrainObjective:
    made = TrainObjective("digits", device="cpu", threads=1)
    made.use_data(data)
    _kept.clear()
    return made


@pytest.fixture
def start(tmp_path: Path) -> str:
    (tmp_path / "start").mkdir()
    write_state(lively(PLAIN).state_dict(), tmp_path / "start/backbone.safetensors")
    return str(tmp_path / "start")


@pytest.fixture
def parent(tmp_path: Path) -> Parent:
    """A trial that was trained, with the weights that it left."""
    folder = tmp_path / "trials/7"
    folder.mkdir(parents=True)
    write_state(lively(HALF, seed=9).state_dict(), folder / "weights.safetensors")
    return Parent(str(folder), HALF)


def by_hand(whole: nn.Module, model: ModelSpec, data: SearchData, count: int = HELD) -> float:
    """Cut out by the first 42 images, judged by the first ones of the last 18."""
    images = first_images(data, 60)
    made = QuickCuts(whole, {}, images[:42], Passes()).cut(model).eval()
    with torch.no_grad():
        right = made(images[42:]).argmax(1) == data.train.labels[42:]
    return 100 * float(right[:count].sum()) / count


def look(
    objective: TrainObjective, start: str, *prospects: Prospect, until: Mapping[int, int] | None = None
) -> list[Glance]:
    """What is reported; each candidate is left after so many images, by its place."""
    told, last = list[Glance](), until or {}

    def report(number: int, metrics: Mapping[str, float]) -> bool:
        told.append(Glance.of(metrics))
        assert number == len(told)
        return told[-1].images < last.get(told[-1].place, HELD)

    assert objective.look(Look(-1, prospects, start, HELD, COUNTS), report) == {}
    return told


def test_candidates_are_judged_by_more_and_more_images_that_nothing_was_fitted_to(
    objective: TrainObjective, start: str, data: SearchData
) -> None:
    told = look(objective, start, Prospect(5, HALF), Prospect(2, SMALL), Prospect(0, PLAIN))
    assert [(one.place, one.images) for one in told] == [(p, i) for p in (5, 2, 0) for i in (0, *COUNTS)]
    most = by_hand(lively(PLAIN), PLAIN, data)
    for one, model in zip(told, [m for m in (HALF, SMALL, PLAIN) for _ in range(4)], strict=True):
        wanted = by_hand(lively(PLAIN), model, data, one.images) if one.images else most
        assert one.accuracy == pytest.approx(wanted) and one.most == pytest.approx(most)


def test_each_pass_is_counted_once_it_was_made(objective: TrainObjective, start: str) -> None:
    """What the backbone says is known to whoever looks next, as long as the process lives."""
    first = [one.passed for one in look(objective, start, Prospect(0, HALF))]
    assert first == [HELD, MADE + 4, 5, 9]
    assert [one.passed for one in look(objective, start, Prospect(0, SMALL))] == [0, AGAIN + 4, 5, 9]


def test_who_is_left_behind_is_not_looked_at_any_more(objective: TrainObjective, start: str) -> None:
    """Nor is one cut out that is left before that."""
    told = look(objective, start, *(Prospect(place, HALF) for place in range(3)), until={0: 0, 1: 4, 2: HELD})
    last = [(2, count) for count in (0, *COUNTS)]
    assert [(one.place, one.images) for one in told] == [(0, 0), (1, 0), (1, 4), *last]
    assert told[0].passed == HELD and told[1].passed == 0


def test_candidates_are_cut_out_of_what_they_would_be_trained_from(
    objective: TrainObjective, start: str, parent: Parent, data: SearchData
) -> None:
    told = look(objective, start, Prospect(0, SMALL, parent), Prospect(1, SMALL))
    wholes = [fold(lively(HALF, seed=9)), lively(PLAIN)]
    for one, whole in zip((told[3], told[7]), wholes, strict=True):
        assert one.accuracy == pytest.approx(by_hand(whole, SMALL, data))
        assert one.most == pytest.approx(by_hand(whole, PLAIN, data))
    assert told[3].accuracy != told[7].accuracy


def test_what_cannot_be_cut_out_has_nothing_right(objective: TrainObjective, start: str) -> None:
    told = look(objective, start, Prospect(0, WRONG), Prospect(1, HALF))
    assert told[0].most > 0
    assert [(one.accuracy, one.most, one.images) for one in told[1:4]] == [(0.0, 0.0, i) for i in COUNTS]
    assert told[-1].accuracy > 0


def test_a_full_device_says_nothing_of_a_candidate(
    objective: TrainObjective, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: QuickCuts, model: ModelSpec) -> nn.Module:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(QuickCuts, "cut", full)
    with pytest.raises(torch.OutOfMemoryError):
        look(objective, start, Prospect(0, HALF))


def test_without_the_weights_the_run_halts(objective: TrainObjective, start: str, parent: Parent) -> None:
    Path(parent.folder, "weights.safetensors").unlink()
    with pytest.raises(HaltError, match=r"weights\.safetensors"):
        look(objective, start, Prospect(0, SMALL, parent))


def trial(folder: Path, start: str, model: ModelSpec, held: int, parent: Parent | None = None) -> Job:
    spec = TrialSpec(model, recipe=Recipe(epochs=1, init="backbone", batch_size=32))
    return Job(9, 0, 0, spec, str(folder / "9"), False, start=start, parent=parent, held=held)


def test_a_trials_own_model_is_looked_at_before_it_is_trained(
    objective: TrainObjective, start: str, parent: Parent, data: SearchData, tmp_path: Path
) -> None:
    """Its training is the same with and without."""
    found, told = [], dict[int, Mapping[str, float]]()

    def report(epoch: int, metrics: Mapping[str, float]) -> bool:
        told[epoch] = metrics
        return True

    for held in (HELD, 0):
        told.clear()
        found.append(objective(trial(tmp_path, start, SMALL, held, parent), report))
        assert list(told) == ([BEFORE, 1] if held else [1])
        if held:
            seen = Glance.of(told[BEFORE])
            assert seen.accuracy == pytest.approx(by_hand(fold(lively(HALF, seed=9)), SMALL, data))
            assert (seen.images, seen.passed) == (HELD, HELD + MADE + HELD)
    assert found[0] == found[1]


def test_an_accuracy_is_of_the_runs_metric(data: SearchData) -> None:
    """Of one class all are right, of another none: half, however many there are of each."""
    labels, passes = torch.tensor([0] * 9 + [1]), Passes()
    images = Images(Split(data.train.images[:10], labels), INFO, "balanced-accuracy", "cpu", passes)

    class Zero(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.eye(10)[torch.zeros(len(x), dtype=torch.int64)]

    cut = Cut(Zero(), images)
    assert [cut.accuracy(count) for count in (4, 10)] == [100.0, 50.0]
    assert passes.images == 10


class Asked(nn.Module):
    """Says class 0, and notes what it is asked in."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = list[str]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.heard.append("bfloat16" if torch.is_autocast_enabled("cpu") else "float32")
        return torch.eye(10)[torch.zeros(len(x), dtype=torch.int64)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_models_are_judged_in_the_runs_precision(
    objective: TrainObjective,
    start: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    precision: Precision,
) -> None:
    """Whoever looks: a worker without a trial, or the one that is about to train."""
    asked = Asked()

    def cut(self: QuickCuts, model: ModelSpec) -> nn.Module:
        assert not torch.is_autocast_enabled("cpu"), "models are cut out in float32"
        return asked

    monkeypatch.setattr(QuickCuts, "cut", cut)
    objective.look(
        Look(-1, (Prospect(0, SMALL),), start, HELD, COUNTS, precision), lambda number, metrics: True
    )
    assert asked.heard == [precision] * len(COUNTS)
    job = trial(tmp_path, start, SMALL, HELD)
    spec = replace(job.spec, recipe=replace(job.spec.recipe, precision=precision))
    objective(replace(job, spec=spec), lambda number, metrics: True)
    assert asked.heard == [precision] * (len(COUNTS) + 1)
