"""Models ranked before any training: the shared net against nets cut by hand, the table, a small run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from programs import SCRIPTS, run_script
from torch import nn

from lcsearch.core.spec import ModelSpec
from lcsearch.data import SearchData, load
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets.channels import groups_of
from lcsearch.nets.surgery import build_model

pytestmark = pytest.mark.slow

PLAIN = ModelSpec("base", num_classes=10, in_channels=1)
GROUPS = groups_of(replace(PLAIN, image_size=(16, 16)))


@pytest.fixture
def shared_net(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(SCRIPTS)
    import shared_net

    yield shared_net


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return build_model(PLAIN).eval()


def convolutions(net: nn.Module) -> dict[str, nn.Conv2d]:
    return {name: layer for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d)}


IMAGES = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_the_plain_model_of_a_shared_net_is_the_net_itself(shared_net: ModuleType, net: nn.Module) -> None:
    shared = shared_net.SharedNet(net, list(convolutions(net)), GROUPS, IMAGES)
    model = shared.model(PLAIN)
    model.net.eval()
    torch.testing.assert_close(model(IMAGES), net(IMAGES))


def test_a_layer_is_the_best_one_of_its_rank_at_first(shared_net: ModuleType, net: nn.Module) -> None:
    name, conv = list(convolutions(net).items())[2]
    shared = shared_net.SharedNet(net, [name], GROUPS, IMAGES)
    spec = LinearSpec(alpha=0.25)
    found = shared.model(ModelSpec("base", 10, 1, layers={name: spec})).parameters()[f"{name}.weight"]
    primaries = round(0.25 * conv.out_channels)
    left, values, right = np.linalg.svd(conv.weight.detach().flatten(1).numpy(), full_matrices=False)
    best = (left[:, :primaries] * values[:primaries]) @ right[:primaries]
    np.testing.assert_allclose(found.detach().flatten(1).numpy(), best, atol=1e-5)


def test_a_filter_has_the_best_terms_at_first(shared_net: ModuleType, net: nn.Module) -> None:
    name, conv = list(convolutions(net).items())[2]
    shared = shared_net.SharedNet(net, [name], GROUPS, IMAGES)
    spec = ModelSpec("base", 10, 1, layers={name: SeparableSpec(terms=2)})
    found = shared.model(spec).parameters()[f"{name}.weight"].detach().flatten(2).numpy()
    for own, whole in zip(found, conv.weight.detach().flatten(2).numpy(), strict=True):
        left, values, right = np.linalg.svd(whole, full_matrices=False)
        np.testing.assert_allclose(own, (left[:, :2] * values[:2]) @ right[:2], atol=1e-5)


def test_a_thinner_model_has_the_places_of_the_channels_that_stay(
    shared_net: ModuleType, net: nn.Module
) -> None:
    first, second, *_ = convolutions(net)
    shared = shared_net.SharedNet(net, [second], GROUPS, IMAGES)
    thinner = shared.model(ModelSpec("base", 10, 1, channels={first: 0.5}, image_size=(16, 16))).parameters()
    rows, columns = thinner[f"{first}.weight"].detach(), thinner[f"{second}.weight"].detach()
    whole = convolutions(net)
    own = whole[first].weight.detach()
    places = [int((own == row).flatten(1).all(1).nonzero()) for row in rows]
    assert len(places) == len(own) // 2
    assert places == sorted(set(places))
    assert torch.equal(columns, whole[second].weight.detach()[:, places])


@pytest.fixture(scope="module")
def digits() -> SearchData:
    return load("digits", train_images=200, validation_images=60, image_size=8)


def test_teaching_reaches_what_any_model_is_made_of(
    shared_net: ModuleType, net: nn.Module, digits: SearchData
) -> None:
    layers = list(convolutions(net))
    shared = shared_net.SharedNet(net, layers, GROUPS, IMAGES[:, :, :8, :8])
    before = {name: own.detach().clone() for name, own in shared.tensors.items()}
    specs = [LinearSpec(alpha=0.5), SeparableSpec(terms=1)]
    others = [ModelSpec("base", 10, 1, layers=dict.fromkeys(layers[1:], spec)) for spec in specs]
    models = [shared.model(spec) for spec in (PLAIN, *others, *others)]
    how = shared_net.Teaching(epochs=1, rate=0.05, seed=0)
    assert shared_net.teach(shared, models[:2], models[2:], digits, how) == 3 * 64 * 4
    assert all(
        not torch.equal(own, before[name]) for name, own in shared.tensors.items() if layers[1] in name
    )
    ready = shared.ready(others[0], digits)
    assert not ready.training
    assert torch.equal(
        ready.state_dict()[f"{layers[1]}.weight"], models[1].parameters()[f"{layers[1]}.weight"]
    )


def line(
    kind: str, shape: str, model: int, params: int, accuracy: list[float], **more: Any
) -> dict[str, Any]:
    what = {"backbone": "base", "kind": kind, "shape": shape, "model": model, "params": params}
    return {**what, "accuracy": accuracy, "seconds": 3.0, **more}


def test_ranks_are_those_of_accuracies_after_training(tmp_path: Path) -> None:
    ends = [80.0, 81.0, 82.0, 83.0]
    lines = [
        line("tuned", str(i), i, 100 * size, [before, 10.0 * i], after=ends[i], cut_seconds=1.0)
        for i, (size, before) in enumerate([(1, 40.0), (3, 30.0), (2, 20.0), (4, 10.0)])
    ]
    lines += [line("quick", "", i, 0, [1.0 * i, [0.0, 2.0, 1.0, 3.0][i]], images=500) for i in range(4)]
    more = {"images": 1_000, "trained_images": 12_000, "trained_seconds": 40.0}
    lines += [line("shared", "shared net", i, 0, [0.0, -1.0 * i], **more) for i in range(3)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    found = run_script("bench_ranking.py", path, "--table", "--train-images", 1_000).splitlines()
    assert found[0] == "**`base`**, 4 models of 100 to 400 parameters, "
    assert found[5:8] == [
        "| size alone | | 0.80 | | 0.67 | | |",
        "| cut out as for training | 250 | -1.00 | -1.00 | -1.00 | 1.00 |  |",
        "| cut out as for training | 1,000 | 1.00 | 1.00 | 1.00 | 1.00 |  |",
    ]
    assert found[8] == "| cut out as for screening | 250 | 1.00 | 1.00 | 1.00 | 3.00 | 1.00 |"
    assert len(found) == 10, "a source that does not know all models is left out"
    path.write_text(
        path.read_text() + json.dumps(line("shared", "shared net", 3, 0, [3.0, 4.0], **more)) + "\n"
    )
    found = run_script("bench_ranking.py", path, "--table", "--train-images", 1_000).splitlines()
    # 40 s of training for 4 models beside 3 s each; 4 * 1,250 images forward and 12,000 trained
    assert found[10].endswith("| 13.00 | 13.67 |")


def test_a_small_run_measures_every_source_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    own = ["--dataset", "digits", "--train-images", "1200", "--validation-images", "60", "--image-size", "8"]
    found = run_script("bench_ranking.py", path, *own, "--backbone", "base", "--models", "3", "--jobs", "1")
    assert found.count("| shared, trained backbone, 1 epoch |") == 2
    written = path.read_text()
    again = run_script("bench_ranking.py", path, *own, "--backbone", "base", "--models", "3", "--jobs", "1")
    assert path.read_text() == written
    assert again == found[found.index("**`base`**") :]
