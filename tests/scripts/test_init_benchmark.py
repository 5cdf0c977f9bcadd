"""Models at a size against rivals: the table of made-up lines, and a small comparison that is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from programs import run_script

SMALL = [
    *("--dataset", "digits", "--train-images", "100", "--validation-images", "60"),
    *("--backbone", "base", "--image-size", "8", "--seeds", "1", "--jobs", "1"),
]


def run(path: Path, *arguments: str) -> str:
    return run_script("bench_init.py", path, *arguments)


def line(
    kind: str, shape: str, epochs: int, distill: float, accuracy: float, seed: int = 0
) -> dict[str, Any]:
    what = {"backbone": "base", "seed": seed, "kind": kind, "shape": shape, "image_size": 8, "how": ""}
    size = "1" if kind == "backbone" else "1/4"
    sizes = {"size": size, "params": 400 if kind == "backbone" else 100}
    return {**what, **sizes, "epochs": epochs, "distill": distill, "accuracy": [10.0, accuracy]}


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return path


@pytest.mark.slow
def test_the_best_of_ours_is_set_beside_the_best_rival(tmp_path: Path) -> None:
    """What was measured with fewer seeds than others is not compared."""
    lines = [line("backbone", "plain", 0, 0.0, 90.0)]
    lines += [line("cut", "guided", 1, 0.5, accuracy, seed) for seed, accuracy in enumerate((88.0, 89.0))]
    lines += [line("scratch", "guided", 1, 0.5, accuracy, seed) for seed, accuracy in enumerate((86.0, 87.0))]
    lines += [line("cut", "pruned", 1, 0.5, accuracy, seed) for seed, accuracy in enumerate((88.0, 89.4))]
    lines += [line("cut", "alpha", 1, 0.5, 99.0)]
    lines += [line("scratch", "guided", 3, 0.5, 89.0), line("scratch", "thinner", 3, 0.0, 88.75)]
    said = run_script("bench_init.py", written(tmp_path / "init.jsonl", lines), "--table").splitlines()
    assert said[0] == "**`base`**, 8 pixels: 400 parameters, 90.00 (1 seed) % after 2 epochs"
    assert said[-2] == "| **best of ours above the best rival** | |  | **-0.20, below** | +0.25 |"
    assert "| guided by sensitivity, cut out, distilled | 100 |  | 88.50 ± 0.71 (2 seeds) |  |" in said


@pytest.mark.long
@pytest.mark.slow
def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    path, only = tmp_path / "init.jsonl", ["--only", "cut-thinner", "--size", "1/16"]
    run(path, *SMALL, *only)
    plain, *cut = [json.loads(text) for text in path.read_text().splitlines()]
    assert (plain["kind"], plain["params"], len(plain["accuracy"])) == ("backbone", 399_050, 3)
    ways = [(one["how"], one["epochs"], one["distill"]) for one in cut]
    assert ways[:5] == [("", 0, 0.0), ("", 1, 0.5), ("", 3, 0.5), ("", 1, 0.0), ("", 3, 0.0)]
    assert sorted(ways[5:]) == [(h, e, e / 2) for h in ("magnitude", "magnitude_solved") for e in (0, 1)]
    for one in cut:
        assert one["params"] == pytest.approx(399_050 / 16, rel=0.05)
        assert len(one["accuracy"]) == max(1, one["epochs"])
    written(path, [plain, *cut[:1], *cut[2:]])
    run(path, *SMALL, *only)
    again = [json.loads(text) for text in path.read_text().splitlines()]
    assert len(again) == 1 + len(cut)
    assert {**again[-1], "seconds": 0, "cut_seconds": 0} == {**cut[1], "seconds": 0, "cut_seconds": 0}
