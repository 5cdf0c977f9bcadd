"""Models counted by their specs: on the meta device, or where a net needs values."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import backbones
from lcsearch.nets.sizer import Sizer


class OfValues(nn.Module):
    """Looks at what its first layer answers, and so does not run without values."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.head = nn.Linear(8, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.first(images)
        maps = self.second(maps if float(maps.mean()) < 1e9 else -maps)
        scores: Tensor = self.head(maps.mean((2, 3)))
        return scores


BUILT = list[int]()


def of_values(num_classes: int, in_channels: int) -> nn.Module:
    """A net that needs values."""
    BUILT.append(num_classes)
    return OfValues(num_classes)


def test_a_net_that_needs_values_is_tried_without_them_once() -> None:
    sizer, spec, builds = Sizer((1, 8, 8)), ModelSpec(f"{__name__}:of_values", 10, 1), list[int]()
    for _ in range(3):
        BUILT.clear()
        sizer(spec)
        builds.append(len(BUILT))
    assert builds == [2, 1, 1]


def test_a_net_that_needs_values_is_counted_as_by_hand() -> None:
    spec = ModelSpec(f"{__name__}:of_values", 10, 1, layers={"second": LinearSpec(0.5)})
    counted = Sizer((1, 8, 8))(spec)
    first, primaries, mixed = 4 * 9, 4 * 4 * 9, 8 * 4  # for each of 64 places
    assert counted.macs == 64 * (first + primaries + mixed) + 80
    assert counted.params == (36 + 4) + (4 * 36 + 4 * 4 + 8) + 90


@pytest.mark.parametrize("backbone", ["base", "resnet18"])
def test_counting_leaves_the_next_model_as_it_is(backbone: str) -> None:
    sizer, spec = Sizer((3, 32, 32)), ModelSpec(backbone, 10, 3)
    first = sizer(spec)
    assert first == sizer(spec)
    with torch.device("meta"):
        net = backbones.build(backbone, num_classes=10, in_channels=3)
    assert first.params == sum(parameter.numel() for parameter in net.parameters())


def test_images_of_another_size_are_said() -> None:
    with pytest.raises(InputError, match=r"given images of 3 x 8 x 8 .*it takes images of 64 x 64 pixels"):
        Sizer((3, 8, 8))(ModelSpec("torchvision:alexnet", 10, 3))
