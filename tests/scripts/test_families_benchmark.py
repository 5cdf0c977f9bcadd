"""Families against each other: the tables of made-up lines, and a small comparison that is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from programs import run_script

pytestmark = pytest.mark.slow

SMALL = [
    *("--dataset", "digits", "--train-images", "60", "--validation-images", "60", "--image-size", "8"),
    *("--backbone", "base", "--size", "1/16", "--seeds", "1", "--jobs", "1", "--part", "trainings"),
]


def net(kind: str, shape: str, size: str, accuracy: float, seed: int = 0) -> dict[str, Any]:
    what = {"backbone": "base", "seed": seed, "kind": kind, "shape": shape, "size": size}
    return {**what, "params": 400, "accuracy": [10.0, accuracy]}


def trial(state: str, params: int, accuracy: float | None, epochs: int, *families: str) -> dict[str, Any]:
    spec = {"layers": {f"features.{place}": {"family": name} for place, name in enumerate(families)}}
    return {"state": state, "params": params, "accuracy": accuracy, "epochs": epochs, "spec": spec}


def search(kinds: str, *trials: dict[str, Any]) -> dict[str, Any]:
    """In the box from 85 to 91 % and from 100 to 10,000 parameters."""
    sizes = {"smallest_params": 100, "backbone_params": 10_000, "backbone_accuracy": 90.0}
    spent = sum(one["epochs"] for one in trials)
    return {"backbone": "base", "seed": 0, "kinds": kinds, **sizes, "epochs_spent": spent} | {
        "trials_done": list(trials)
    }


def tables(path: Path, lines: list[dict[str, Any]]) -> list[str]:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run_script("bench_families.py", path, "--table").splitlines()


def test_nets_are_set_side_by_side_by_size_and_start(tmp_path: Path) -> None:
    lines = [net("backbone", "plain", "1", 90.0)]
    lines += [
        net("cut", "basis, fitted", "1/4", accuracy, seed) for seed, accuracy in enumerate((88.0, 89.0))
    ]
    lines += [net("scratch", "thinner", "1/4", 87.0), net("cut", "thinner", "1/16", 86.0)]
    assert tables(tmp_path / "a.jsonl", lines) == [
        "**`base`**: 400 parameters, 90.00 (1 seed) % after 2 epochs",
        "",
        "| net | 1/4, cut out | 1/4, from scratch | 1/16, cut out | 1/16, from scratch |",
        "|---|---|---|---|---|",
        "| thinner net |  | 87.00 (1 seed) | 86.00 (1 seed) |  |",
        "| basis, its bank fitted | 88.50 ± 0.71 (2 seeds) |  |  |  |",
    ]


def test_searches_are_compared_after_the_same_epochs_and_by_what_their_fronts_are_made_of(
    tmp_path: Path,
) -> None:
    """At 90 % and 1,000 parameters half of the box's width is dominated up to 5/6 of its height."""
    plain, stopped = trial("complete", 10_000, 90.0, 4), trial("pruned", 100, None, 2)
    small = trial("complete", 1_000, 90.0, 2, "basis", "linear")
    lines = [search("", plain, stopped, small)]
    lines += [search("conv,linear,separable,basis", plain, small, trial("complete", 100, 86.0, 6))]
    rows = tables(tmp_path / "b.jsonl", lines)
    assert rows[2] == "| families | 2 epochs | 4 epochs | 8 epochs | models of the front with |"
    own, more = (row.strip("| ").split(" | ") for row in rows[4:])
    assert own == ["of its own space", *["0.00 (1 seed)"] * 2, "41.67 (1 seed)", "basis 1.0, linear 1.0"]
    assert more[3:] == ["41.67 (1 seed)", "basis 1.0, conv 1.0, linear 1.0"]


@pytest.mark.long
def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "families.jsonl"
    run_script("bench_families.py", path, *SMALL)
    plain, *nets = [json.loads(text) for text in path.read_text().splitlines()]
    assert (plain["kind"], plain["params"], len(plain["accuracy"])) == ("backbone", 399_050, 3)
    found = [(line["kind"], line["shape"], len(line["accuracy"])) for line in nets]
    both = ("thinner", "linear", "basis, trained", "separable")
    wanted = [("cut", shape, 1) for shape in (*both, "basis, fitted")]
    wanted += [("scratch", shape, 4) for shape in (*both, "basis, random")]
    assert sorted(found) == sorted(wanted), "the layers of this net have nobody to share with"
    assert all(line["params"] == pytest.approx(399_050 / 16, rel=0.1) for line in nets)
    path.write_text("".join(json.dumps(line) + "\n" for line in [plain, *nets[1:]]))
    run_script("bench_families.py", path, *SMALL)
    again = [json.loads(text) for text in path.read_text().splitlines()]
    assert len(again) == 1 + len(nets)
    assert {**again[-1], "seconds": 0, "cut_seconds": 0} == {**nets[0], "seconds": 0, "cut_seconds": 0}
