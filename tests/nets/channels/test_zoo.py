"""The channels of torchvision's classification nets."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from zoo import check_channels, smallest_image

from lcsearch.core.config import config_text
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.data import DatasetInfo
from lcsearch.export.formats import conv
from lcsearch.export.source import About
from lcsearch.nets import backbones
from lcsearch.nets.backbones import _torchvision
from lcsearch.nets.channels import groups_of, verified
from lcsearch.nets.surgery import build_model

# Small ones: chains, shortcuts, concatenations, depthwise and grouped convolutions, squeeze and excitation.
QUICK = (
    "densenet121", "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1",
)  # fmt: skip
EXPORTED = ("mobilenet_v3_small",)
ZOO = (pytest.mark.zoo, pytest.mark.timeout(3600))
"""A net of which only some groups fail is run for each alone, on its 224 pixels if it takes no others."""
REFUSED = ("maxvit_", "swin_", "vit_")
"""Transformers: what attention reads cannot be thinned."""
MOVED = "not all that reads them could be followed"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else ZOO) for name in _torchvision.names()],
)
def test_all_channels_of_nets_of_convolutions_can_go(name: str) -> None:
    build = partial(backbones.build, f"torchvision:{name}", num_classes=10, in_channels=3)
    groups = check_channels(build)
    if name.startswith("shufflenet"):
        assert len(groups.groups) >= 18
        assert {one.why for one in groups.whole} == {MOVED}
    elif not name.startswith(REFUSED):
        assert groups.groups and not groups.whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in EXPORTED else ZOO) for name in QUICK]
)
def test_a_net_of_half_the_channels_is_exported(name: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        net = backbones.build(f"torchvision:{name}", num_classes=10, in_channels=3)
    size = smallest_image(net)
    spec = ModelSpec(f"torchvision:{name}", 10, 3, image_size=(size, size))
    groups = verified(net, groups_of(spec), (3, size, size))
    half = groups.kept({group.name: 0.5 for group in groups.groups})
    spec = replace(spec, channels=groups.channels(half))
    model = build_model(spec).eval().requires_grad_(False)
    info = DatasetInfo("noise", 10, 3, size, (0.5,) * 3, (0.5,) * 3, False, 0)
    path = tmp_path / "model.pt2"
    conv.FORMAT.write(model, About(config_text(TrialSpec(spec)), info, False), path)
    images = torch.randn(3, 3, size, size)
    torch.testing.assert_close(conv.FORMAT.read(path)(images), model(images), rtol=1e-3, atol=1e-4)
