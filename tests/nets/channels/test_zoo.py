"""The channels of torchvision's classification nets."""

from __future__ import annotations

from functools import partial

import pytest
from zoo import check_channels

from lcsearch.nets import backbones
from lcsearch.nets.backbones import _torchvision

# One of each family, small ones.
QUICK = (
    "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_1",
)  # fmt: skip
REFUSED = ("maxvit_", "swin_", "vit_")
"""Transformers: what attention reads cannot be thinned."""
MOVED = "not all that reads them could be followed"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in _torchvision.names()],
)
def test_all_channels_of_nets_of_convolutions_can_go(name: str) -> None:
    build = partial(backbones.build, f"torchvision:{name}", num_classes=10, in_channels=3)
    groups = check_channels(build)
    if name.startswith("shufflenet"):
        assert len(groups.groups) >= 18
        assert {one.why for one in groups.whole} == {MOVED}
    elif not name.startswith(REFUSED):
        assert groups.groups and not groups.whole
