"""The recorded benchmark of the search: what ships, the function fitted to it, and the replay of searches."""

from __future__ import annotations

import gzip
import importlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from lcsearch.search.samplers._draw import Draw

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield {
            name: importlib.import_module(name)
            for name in ("search_truth", "search_contenders", "bench_search")
        }
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def records(scripts):
    return scripts["search_truth"].Records.read(scripts["search_truth"].RECORDS)


@pytest.fixture(scope="module")
def world(scripts):
    return scripts["search_contenders"].world(str(scripts["search_truth"].RECORDS))


def test_what_ships_is_whole_and_small(scripts, records):
    assert scripts["search_truth"].RECORDS.stat().st_size < 200_000
    assert records.about["recorded"] == len(records.lines)
    assert records.about["epochs"] == 9 and records.about["train_images"] >= 10_000
    assert records.about["recorded"] == records.about["planned"] > 200
    assert len(records.by_spec) >= 200 and len(records.noise) >= 30
    assert sum(line["name"].startswith("sobol") for line in records.lines if not line["seed"]) >= 150
    names = [(line["name"], line["seed"]) for line in records.lines]
    assert len(set(names)) == len(names)
    for line in records.lines:
        assert len(line["accuracy"]) == 9
        assert all(math.isfinite(a) and 0 <= a <= 100 for a in line["accuracy"])


def test_recorded_sizes_are_those_of_the_specs(scripts, records, world):
    model_of = scripts["search_truth"]._model
    for line in records.lines:
        assert world.space.params(model_of(line["spec"])) == line["params"]


@pytest.mark.parametrize("fit", ["trees", "gp"])
def test_the_fit_is_near_what_it_was_fitted_to_and_says_no_more(records, scripts, fit):
    truth = scripts["search_truth"]
    fitted = truth.Truth(records, fit)
    guesses = [fitted.curve(truth._model(g[0]["spec"]), truth._weight(g[0]["spec"])) for g in records.by_spec]
    assert np.sqrt(np.mean((np.array(guesses) - records.curves)[:, -1] ** 2)) < 0.6
    space, rng = truth.base_space(), np.random.default_rng(0)
    drawn = [space.suggest(Draw({}, lambda *_: rng.random())) for _ in range(40)]
    curves = np.array([fitted.curve(one.model, one.regularizer.weight) for one in drawn])
    assert np.all(curves <= records.curves.max(axis=0)) and np.all(curves >= records.curves.min(axis=0))


def test_a_spec_recorded_under_two_names_counts_once(scripts):
    lines = [
        {"name": name, "seed": seed, "spec": {"width": 1.0}, "accuracy": [accuracy]}
        for name, seed, accuracy in (("near-1", 0, 80.0), ("near-2", 0, 80.0), ("near-1", 1, 82.0))
    ]
    records = scripts["search_truth"].Records({}, lines)
    assert records.curves.tolist() == [[81.0]]
    assert np.abs(records.noise).ravel() == pytest.approx([math.sqrt(2)] * 2)


def test_a_replayed_search_is_the_same_each_time_and_pays_for_every_epoch(scripts, world):
    first, again = (scripts["search_contenders"].ours(world, 3, 90, "recombine", "pareto") for _ in range(2))
    assert first == again
    assert 90 <= first[-1].spent < 90 + world.epochs
    curve = scripts["bench_search"].score(first, world.box, true=False)
    volumes = [volume for _, volume in curve]
    assert volumes == sorted(volumes)
    assert 0 < volumes[-1] < 1


def test_stopping_spends_less_per_trial(scripts, world):
    ours = scripts["search_contenders"].ours
    assert len(ours(world, 0, 150, "random", "pareto")) > len(ours(world, 0, 150, "random", "none"))


def test_plain_optuna_trains_every_trial_to_its_end(scripts, world):
    contenders = scripts["search_contenders"].contenders()
    steps = contenders["optuna-random"](world, 0, 80)
    assert [s.spent for s in steps] == [9 * (i + 1) for i in range(len(steps))]
    assert all(s.accuracy is not None for s in steps)


def test_a_record_cut_short_is_read_up_to_its_last_whole_line(tmp_path, scripts):
    sys.path.insert(0, str(SCRIPTS))
    recorder = importlib.import_module("record_benchmark")
    sys.path.remove(str(SCRIPTS))
    lines = [
        {"name": "plain", "seed": n, "spec": {"recipe": {}, "width": 1.0}, "image_size": 16} for n in (0, 1)
    ]
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"name": "pl')
    assert [r["seed"] for r in recorder.read(path)] == [0, 1]
    recorder.pack(path, tmp_path / "packed.json.gz")
    packed = json.loads(gzip.decompress((tmp_path / "packed.json.gz").read_bytes()))
    assert packed["about"]["recorded"] == 2 and packed["about"]["image_size"] == 16
