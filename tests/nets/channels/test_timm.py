"""The channels of one net of each family of convolutional nets of timm: ``pip install 'lcsearch[zoo]'``."""

from __future__ import annotations

from functools import partial

import pytest
from zoo import TIMM, check_channels

timm = pytest.importorskip("timm", exc_type=ImportError)
pytestmark = [pytest.mark.zoo, pytest.mark.timeout(3600)]

ALL_CAN_GO = (
    "convmixer_768_32", "convnext_atto", "densenet121", "dla34", "efficientnet_lite0", "hardcorenas_a",
    "hgnetv2_b0", "hrnet_w18_small", "inception_resnet_v2", "inception_v3", "inception_v4", "lcnet_035",
    "mobilenetv3_small_050", "mobilenetv4_conv_small_035", "repvgg_a0", "resnet10t",
)  # fmt: skip
SOME_STAY = (
    "cspdarknet53", "cspresnet50", "dpn48b", "eca_resnext26ts", "fasternet_t0", "ghostnet_050",
    "ghostnetv2_100", "inception_next_atto", "mixnet_s",
)  # fmt: skip
"""They split channels and use the parts differently, or go over them as over places."""


@pytest.mark.parametrize("name", [name.removeprefix("timm:") for name in TIMM])
def test_channels_are_found_or_refused_in_a_line(name: str) -> None:
    groups = check_channels(partial(timm.create_model, name, num_classes=10))
    if name in ALL_CAN_GO:
        assert groups.groups and not groups.whole
    if name in SOME_STAY:
        assert groups.groups and groups.whole
