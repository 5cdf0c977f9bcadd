"""In which tensors of a layer channels lie, and at which places, by reading the layer."""

from __future__ import annotations

import pytest
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from lcsearch.nets.channels.groups import Cut
from lcsearch.nets.channels.places import UncuttableError, blocks_in, cuts, tensors


@pytest.mark.parametrize(
    ("layer", "blocks"),
    [
        (nn.Conv2d(8, 12, 3), 1),
        (nn.Conv2d(8, 12, 3, groups=4), 4),
        (nn.Conv2d(8, 8, 3, groups=8), 1),
        (nn.Conv2d(8, 16, 3, groups=8), 8),
        (nn.Conv2d(2, 2, 3, groups=2), 1),
        (nn.Conv2d(1, 1, 3), 1),
        (nn.ConvTranspose2d(8, 8, 3, groups=2), 2),
        (nn.Conv1d(8, 8, 3, groups=2), 2),
        (nn.GroupNorm(4, 8), 4),
        (nn.GroupNorm(8, 8), 1),
        (nn.Linear(8, 4), 1),
        (nn.BatchNorm2d(8), 1),
    ],
)
def test_blocks_are_those_of_grouped_layers_that_are_not_of_single_channels(
    layer: nn.Module, blocks: int
) -> None:
    assert blocks_in(layer) == blocks


@pytest.mark.parametrize(
    ("layer", "inputs", "outputs"),
    [
        (nn.Conv2d(8, 12, 3), ["a.weight@1"], ["a.weight@0", "a.bias@0"]),
        (nn.Conv2d(8, 12, 3, bias=False), ["a.weight@1"], ["a.weight@0"]),
        (nn.Conv2d(8, 12, 3, groups=4), ["a.weight@1/4"], ["a.weight@0", "a.bias@0"]),
        (nn.Conv2d(8, 8, 3, groups=8), ["a.weight@0", "a.bias@0"], ["a.weight@0", "a.bias@0"]),
        (nn.Conv2d(1, 1, 3), ["a.weight@1"], ["a.weight@0", "a.bias@0"]),
        (nn.ConvTranspose2d(8, 12, 3), ["a.weight@0"], ["a.weight@1", "a.bias@0"]),
        (
            nn.ConvTranspose2d(8, 8, 3, groups=8),
            ["a.weight@0", "a.bias@0"],
            ["a.weight@0", "a.bias@0"],
        ),
        (nn.Linear(8, 4), ["a.weight@1"], ["a.weight@0", "a.bias@0"]),
        (nn.GroupNorm(4, 8), ["a.weight@0", "a.bias@0"], None),
        (nn.LayerNorm(8), ["a.weight@0", "a.bias@0"], None),
        (nn.PReLU(2), ["a.weight@0"], None),
        (nn.PReLU(), [], None),
        (nn.ReLU(), [], None),
        (
            nn.BatchNorm2d(8),
            ["a.weight@0", "a.bias@0", "a.running_mean@0", "a.running_var@0"],
            None,
        ),
        (nn.InstanceNorm2d(8), [], None),
    ],
)
def test_channels_lie_in_these_tensors(
    layer: nn.Module, inputs: list[str], outputs: list[str] | None
) -> None:
    for is_outputs, wanted in ((False, inputs), (True, inputs if outputs is None else outputs)):
        found = [
            f"{tensor}@{dim}" + (f"/{blocks}" if blocks > 1 else "")
            for tensor, dim, blocks in tensors("a", layer, is_outputs)
        ]
        assert found == wanted


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (nn.ConvTranspose2d(8, 8, 3, groups=4), "'a' has 4 groups"),
        (nn.Conv2d(8, 4, 3, groups=4), "'a' has 4 groups"),
        (nn.Conv2d(4, 2, 3, groups=2), "'a' has 2 groups"),
        (weight_norm(nn.Conv2d(8, 8, 3)), "'a' makes its weights of others"),
        (nn.LayerNorm((8, 4, 4)), "'a' is a LayerNorm"),
        (nn.LayerNorm((8, 4, 4), elementwise_affine=False), "'a' is a LayerNorm"),
        (nn.LayerNorm(8, elementwise_affine=False), "'a' is a LayerNorm"),
        (nn.GroupNorm(4, 8, affine=False), "'a' is a GroupNorm"),
        (nn.Embedding(8, 8), "'a' is an Embedding"),
    ],
)
def test_other_layers_say_why_channels_cannot_go(layer: nn.Module, why: str) -> None:
    with pytest.raises(UncuttableError) as caught:
        list(tensors("a", layer, False))
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("places", "channels", "found"),
    [
        ([0, 1, 2], [0, 1, 2], [Cut("w", 1)]),
        ([5, 6, 7], [0, 1, 2], [Cut("w", 1, offset=5)]),
        ([7, 5, 6], [2, 0, 1], [Cut("w", 1, offset=5)]),
        (range(12), [0] * 4 + [1] * 4 + [2] * 4, [Cut("w", 1, repeat=4)]),
        ([0, 1, 2, 5, 6, 7], [0, 1, 2, 0, 1, 2], [Cut("w", 1), Cut("w", 1, offset=5)]),
        ([2, 3, 4, 5, 6, 7, 10, 11, 12], [0, 0, 1, 1, 2, 2, 0, 1, 2],
         [Cut("w", 1, offset=2, repeat=2), Cut("w", 1, offset=10)]),
    ],
)  # fmt: skip
def test_places_of_three_channels_are_cuts(places: list[int], channels: list[int], found: list[Cut]) -> None:
    assert cuts("w", 1, 3, list(places), channels) == found


@pytest.mark.parametrize(
    ("places", "channels"),
    [([0, 1], [0, 1]), ([0, 2, 4], [0, 1, 2]), ([0, 1, 2, 3], [0, 1, 2, 2]), ([], []), ([1, 2], [1, 2]),
     ([0, 1, 2], [1, 0, 2]), ([2, 1, 0], [0, 1, 2])],
)  # fmt: skip
def test_channels_that_do_not_lie_alike_cannot_go(places: list[int], channels: list[int]) -> None:
    with pytest.raises(UncuttableError, match=r"^only some of them are joined with those of other layers$"):
        cuts("w", 1, 3, places, channels)
