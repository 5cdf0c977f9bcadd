"""Models that are cut out of trained ones whose layers share filters: what these hold is not lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import cut_out, first_images
from lcsearch.core.spec import ModelSpec
from lcsearch.data import DatasetInfo, SearchData, Split
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.nets.surgery import build_model
from lcsearch.nets.tensors import write_state
from lcsearch.nets.weights import load_parent

LAYERS = tuple(f"stages.0.{block}.{part}.0" for block in (1, 2) for part in ("first", "second"))
FIRST, SECOND = LAYERS[:2]
PLAIN = ModelSpec("resnet32", 4, 2, 0.25)
PARENT = replace(PLAIN, layers=dict.fromkeys(LAYERS, SharedSpec(FIRST, 6)))


@pytest.mark.parametrize(
    ("layers", "kept"),
    [
        (PARENT.layers, True),
        (dict.fromkeys(LAYERS, SharedSpec(FIRST, 5, 1)), True),
        ({name: SharedSpec(LAYERS[place % 2], 6) for place, name in enumerate(LAYERS)}, True),
        (dict.fromkeys(LAYERS, SharedSpec(FIRST, 1)), False),
    ],
    ids=["the same", "one of its own", "by position", "fewer"],
)
@torch.no_grad()
def test_what_a_parent_holds_is_kept(layers: dict[str, SharedSpec], kept: bool, tmp_path: Path) -> None:
    """Each layer is mixed from six filters that all of them, or half of them, may go on to share."""
    torch.manual_seed(1)
    images = torch.randint(0, 256, (60, 2, 8, 8), dtype=torch.uint8)
    split = Split(images, torch.randint(0, 4, (60,)))
    data = SearchData(DatasetInfo("drawn", 4, 2, 8, (0.5, 0.4), (0.25, 0.2), True, 2), split, split)
    parent = build_model(PARENT).eval()
    seen = first_images(data, 60)
    reestimate(parent, seen)
    write_state(parent.state_dict(), tmp_path / "weights.safetensors")
    whole = load_parent(PARENT, tmp_path / "weights.safetensors")
    child = cut_out(whole, replace(PARENT, layers=layers), data).eval()
    wanted = parent(seen)
    off = float((child(seen) - wanted).norm() / (wanted - wanted.mean(0)).norm())
    assert off < 1e-3 if kept else off > 0.05
