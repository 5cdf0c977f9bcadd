"""What is said of a net before a run is made."""

from __future__ import annotations

from pathlib import Path

import pytest
import simulated_objectives as simulated
from channel_nets import FixedView

import lcsearch
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.search.searchable import searchable
from lcsearch.search.space import bind, parse_space

FACTS = Facts(10, 3, 8, train_images=0, validation_images=100)


def test_a_limit_that_asks_for_channels_that_stay_says_which() -> None:
    name = "channel_nets:fixed_view"
    layers = {"*": {"kind": "conv", "channels": {"low": 0.25, "high": 1.0}}}
    space = parse_space({"version": 1, "backbone": "*", "layers": layers}, "f")
    settings = RunSettings(name, "digits", max_params=200)
    with pytest.raises(InputError) as caught:
        searchable(
            lambda one: bind(one, FixedView(), ModelSpec(name, 10, 3), FACTS.image_shape),
            space,
            settings,
            FACTS,
            None,
        )
    said = str(caught.value)
    assert said.startswith("max_params: 200 is below the smallest possible model of this space, ")
    assert "; channels that stay: two (" in said and "\n" not in said


def test_a_net_that_skips_replaced_layers_is_refused_where_the_loop_is_the_users_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^backbone='odd_nets:exact': .* does not call fourth any more"):
        lcsearch.search(
            {"version": 1, "backbone": "*", "layers": {"*": {"kind": ["conv", "linear"]}}},
            simulated.smooth, backbone="odd_nets:exact", num_classes=10, in_channels=1,
            image_size=8, validation_images=100, epochs=1, trials=2, out=tmp_path / "run", device="cpu",
        )  # fmt: skip
    assert not (tmp_path / "run").exists()
