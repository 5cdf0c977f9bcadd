"""The recorded benchmark of the search: what ships, and the programs that replay searches against it."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from programs import run_script

from lcsearch.core.config import parse_config
from lcsearch.nets.count import count
from lcsearch.nets.surgery import build_model

TESTS = Path(__file__).parents[1]
RECORDS = TESTS / "data_files" / "base_fashion_mnist.json.gz"
OLD = RECORDS.with_name("base_fashion_mnist_all_channels.json.gz")
"""Recorded before channels could go."""
TRIALS, EPOCHS = 20, 9
OURS = ["recombine/pareto", "random/pareto", "random/none"]


HOW = ["--trials", str(TRIALS), "--seeds", "1", "--jobs", "1", "--only", *OURS]


def replay() -> list[str]:
    """What `replayed` says, said by a process of its own."""
    program = str(TESTS.parent / "scripts" / "bench_search.py")
    done = subprocess.run([sys.executable, program, *HOW], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def rows(said: list[str]) -> dict[str, list[str]]:
    """The columns of each contender, but for its pace: epochs to the goal, share, trials, volumes."""
    cells = [line.strip("| ").split(" | ") for line in said if line.startswith("| ")][1:]
    return {name: [*row[:3], *row[4:]] for name, *row in cells}


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(RECORDS.read_bytes()))
    return found


@pytest.fixture(scope="module")
def replayed() -> list[str]:
    """What is said of the records, of how they are fitted, and of each contender."""
    return run_script("bench_search.py", *HOW).splitlines()


def test_what_ships_is_whole_and_small() -> None:
    about, lines = recorded().values()
    assert RECORDS.stat().st_size < 200_000
    assert about["recorded"] == about["planned"] == len(lines) > 200
    assert about["epochs"] == EPOCHS and about["train_images"] >= 10_000
    assert sum(line["name"].startswith("sobol") for line in lines if not line["seed"]) >= 150
    names = [(line["name"], line["seed"]) for line in lines]
    assert len(set(names)) == len(names)
    for line in lines:
        assert len(line["accuracy"]) == EPOCHS
        assert all(math.isfinite(a) and 0 <= a <= 100 for a in line["accuracy"])


@pytest.mark.slow
def test_recorded_sizes_are_those_of_the_specs() -> None:
    about, lines = recorded().values()
    image = (1, about["image_size"], about["image_size"])
    for line in lines[::5]:
        with torch.device("meta"):
            model = build_model(parse_config(line["spec"], line["name"]).spec.model)
        assert count(model, image).params == line["params"]


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["trees", "gp"])
def test_the_fit_says_what_was_recorded_of_specs_that_it_was_not_fitted_to(
    replayed: list[str], fit: str
) -> None:
    said = replayed if fit == "trees" else run_script("bench_search.py", "--fit", "--truth", fit).splitlines()
    line = next(line for line in said if line.startswith("fit, "))
    numbers = {name: float(value) for name, value in (p.split() for p in line.split(": ")[1].split(", "))}
    assert numbers["rms_error"] < 0.5 < 0.6 < numbers["rank_correlation"]


@pytest.mark.slow
def test_a_spec_recorded_under_two_names_counts_once(tmp_path: Path) -> None:
    about, lines = recorded().values()
    some = lines[:40] + [line | {"name": f"again-{line['name']}"} for line in lines[:8]]
    path = tmp_path / "records.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"about": about, "records": some}).encode()))
    specs = {json.dumps(line["spec"], sort_keys=True) for line in some}
    said = run_script("bench_search.py", "--fit", "--records", path).splitlines()
    assert said[0] == f"records: 48 trainings of {len(specs)} specs"


@pytest.mark.slow
def test_records_of_the_space_before_channels_are_read() -> None:
    said = run_script("bench_search.py", "--fit", "--records", OLD).splitlines()
    assert said[0] == "records: 238 trainings of 208 specs"
    assert json.loads(said[1].removeprefix("made as: "))["planned"] == 238


@pytest.mark.slow
def test_records_with_channels_say_what_each_layer_has_lost(tmp_path: Path) -> None:
    """Accuracy follows the channels of a small layer, while those of a large one come and go."""
    about, lines = recorded().values()
    plain = next(line for line in lines if line["name"] == "plain")
    some = []
    for small, large in itertools.product(range(1, 9), range(1, 9)):
        channels = {"features.4": small / 8, "features.12": large / 8}
        own = {name: share for name, share in channels.items() if share < 1}
        spec = plain["spec"] | ({"channels": own, "image_size": [16, 16]} if own else {})
        curve = [80.0 + small + 0.1 * epoch for epoch in range(EPOCHS)]
        some.append(plain | {"name": f"{small}-{large}", "spec": spec, "accuracy": curve})
    path, packed = tmp_path / "records.json.gz", {"about": about | {"channels": True}, "records": some}
    path.write_bytes(gzip.compress(json.dumps(packed).encode()))
    said = run_script("bench_search.py", "--fit", "--records", path).splitlines()
    assert said[0] == "records: 64 trainings of 64 specs"
    fit = next(line for line in said if line.startswith("fit, "))
    assert float(fit.split("rank_correlation ")[1].split(",")[0]) > 0.98


@pytest.mark.long
@pytest.mark.slow
def test_a_replayed_search_is_the_same_each_time(replayed: list[str]) -> None:
    found = rows(replayed)
    assert rows(replay()) == found
    for _, _, _, *volumes in found.values():
        shares = [float(volume) for volume in volumes]
        assert all(before <= after for before, after in itertools.pairwise(shares))
        assert 0 < shares[-1] < 1


@pytest.mark.slow
def test_whole_trainings_are_paid_for_epoch_by_epoch(replayed: list[str]) -> None:
    assert {rows(replayed)[name][2] for name in ("optuna-tpe", "optuna-nsga2", "random/none")} == {
        str(TRIALS)
    }


@pytest.mark.slow
def test_stopping_spends_less_per_trial(replayed: list[str]) -> None:
    assert int(rows(replayed)["random/pareto"][2]) > TRIALS


@pytest.mark.slow
def test_a_record_cut_short_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    lines = [
        {"name": "plain", "seed": n, "spec": {"recipe": {}}, "image_size": 16, "device": "cpu"}
        for n in (0, 1)
    ]
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"name": "pl')
    run_script("record_benchmark.py", path, "--pack", tmp_path / "packed.json.gz")
    packed = json.loads(gzip.decompress((tmp_path / "packed.json.gz").read_bytes()))
    assert packed["about"]["recorded"] == 2 and packed["about"]["image_size"] == 16
    assert [record["seed"] for record in packed["records"]] == [0, 1]
