"""What is said before a run is made of a net that limits leave nothing of."""

from __future__ import annotations

import pytest
from channel_nets import FixedView

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
