"""The search written by hand, on a few images, and the table of its comparison, from made-up numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from idx_files import write_set
from programs import run_script

from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.count import count
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.surgery import build_model

pytestmark = pytest.mark.slow
ABOUT = {"repeat": 0, "seconds": 100, "machine": "made up", "cores": 2}


def trials(*found: tuple[float, float | None, int]) -> list[dict[str, Any]]:
    return [dict(zip(("at", "accuracy", "params"), trial, strict=True)) for trial in found]


def test_trials_by_hand_have_the_sizes_of_lcsearchs(tmp_path: Path) -> None:
    places, lines = tmp_path / "places.json", tmp_path / "lines.jsonl"
    places.write_text(json.dumps({"train": list(range(64)), "validation": [64, 65, 66, 67]}))
    files = [lines, places, tmp_path / "there", write_set(tmp_path / "data", train=80)]
    said = ("--seconds", 1, "--epochs", 1, "--threads", 1, "--seed", 0)
    run_script("hand_written_search.py", *files, *said)
    first = json.loads(lines.read_text().splitlines()[0])
    assert first["accuracy"] in (0, 25, 50, 75, 100) and 0 < first["seconds"] <= first["at"]
    plain = ModelSpec("vgg11", num_classes=10, in_channels=1)
    convs = list(conv_layers(build_model(plain)).items())[1:]
    layers = {
        name: LinearSpec(alpha=primaries / conv.out_channels)
        for (name, conv), primaries in zip(convs, first["primaries"], strict=True)
    }
    spec = ModelSpec("vgg11", num_classes=10, in_channels=1, layers=layers)
    assert count(build_model(spec), (1, 32, 32)).params == first["params"]


def test_the_table_has_rates_and_times(tmp_path: Path) -> None:
    """The box is 85 to 91 % and 100 to 10,000 parameters: 88 % at 1,000 dominates a half of a half of it."""
    by_hand = trials((50.0, 88.0, 1_000), (100.0, 80.0, 500))
    ours = trials((20.0, 90.0, 10_000), (24.0, 88.0, 1_000), (30.0, None, 200), (40.0, 91.0, 100))
    lines = [
        {**ABOUT, "side": "by hand", "trials": by_hand},
        {**ABOUT, "side": "lcsearch", "trials": ours, "smallest": 100}
        | {"backbone": {"accuracy": 90.0, "params": 10_000}},
        {**ABOUT, "side": "lcsearch, as long", "trials": [*ours, *trials((100.0, 89.0, 300))]},
        {**ABOUT, "side": "the same trials by lcsearch", "trials": [{}, {}], "wall": 25.0},
        {**ABOUT, "side": "by hand", "trials": by_hand, "repeat": 1},
    ]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = run_script("bench_search_speed.py", file, "--table").splitlines()
    assert table[0] == "made up, 2 cores, 100 s by hand, 1 repeats"
    found = {row[0]: row[1:] for row in ([c.strip() for c in line.split("|")[1:-1]] for line in table[4:])}
    one = " (1 seed)"
    assert found["by hand"] == [f"72.00{one}", f"1.00{one}", f"25.00{one}", f"50.00{one}", f"0.50{one}"]
    assert found["lcsearch"] == [f"360.00{one}", f"5.00{one}", f"100.00{one}", f"24.00{one}", f"0.24{one}"]
    assert found["lcsearch, as long"][:2] == [f"180.00{one}", f"2.50{one}"]
    assert found["the same trials by lcsearch"] == [f"288.00{one}", f"4.00{one}", "", "", ""]
