"""What the plain convolution says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.core.strict import validate
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.conv import FAMILY, ConvSpec
from lcsearch.layers.shape import ConvShape, Places, Size

SHAPE = ConvShape(6, 10, (3, 5), 2)


def read(**layer: Any) -> Any:
    """The spec of a layer, as a config file has it."""
    plain = {"backbone": "b", "num_classes": 2, "in_channels": 1, "layers": {"a": {"family": "conv"} | layer}}
    return validate(ModelSpec, plain, "config").layers["a"]


def test_configs_may_say_alpha_one() -> None:
    assert read() == read(alpha=1) == read(alpha=1.0) == ConvSpec()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"rank": 2}, "a plain conv has neither rank nor sparsity; write family: linear"),
        ({"sparsity": 0.5, "alpha": 1}, "a plain conv has neither rank nor sparsity; write family: linear"),
        ({"alpha": 0.5}, "alpha: 0.5 is not allowed for a plain conv; write 1 or family: linear"),
        ({"alpha": "1"}, "alpha: '1' is not allowed for a plain conv; write 1 or family: linear"),
    ],
    ids=str,
)
def test_other_fields_are_refused(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(**layer)
    assert str(caught.value).endswith(message)
    assert str(caught.value).startswith("config: layers.a")


def test_sizes_are_those_of_the_convolution() -> None:
    conv = nn.Conv2d(6, 10, (3, 5), groups=2)
    stored = sum(parameter.numel() for parameter in conv.parameters())
    assert FAMILY.size(SHAPE, ConvSpec()) == Size(trainable=stored, stored=stored)
    assert FAMILY.macs(SHAPE, ConvSpec(), Places(7, 5)) == 5 * conv.weight.numel()


def test_a_plain_layer_stays_as_it_is() -> None:
    assert FAMILY.canonical(SHAPE, ConvSpec()) is None  # type: ignore[func-returns-value]
    assert FAMILY.spec_of(LinearConv2d(4, 4, 3)) == ConvSpec()
    with pytest.raises(TypeError) as caught:
        FAMILY.fresh(nn.Conv2d(4, 4, 3), ConvSpec())
    assert str(caught.value) == "a plain convolution is not replaced"


def test_words_and_numbers() -> None:
    assert FAMILY.words(ConvSpec()) == "plain"
    assert FAMILY.numbers(ConvSpec()) == {"alpha": 1.0, "rank": None, "sparsity": None}
    assert FAMILY.cells({"alpha": 1.0}) == ("", "plain")
