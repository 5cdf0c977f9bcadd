"""The nets of others that the zoo looks at, and on images of which size."""

from __future__ import annotations

import torch
from torch import nn

from lcsearch.nets.backbones import _torchvision

TORCHVISION = tuple(_torchvision.PREFIX + name for name in _torchvision.names())
"""All classification nets of torchvision."""
TIMM = tuple(
    f"timm:{name}"
    for name in (
        "convmixer_768_32", "convnext_atto", "cspdarknet53", "cspnext_tiny", "cspresnet50", "densenet121",
        "dla34", "dpn48b", "eca_nfnet_l0", "eca_resnext26ts", "efficientnet_lite0", "ese_vovnet19b_slim_dw",
        "fasternet_t0", "fastvit_t8", "focalnet_tiny_srf", "ghostnet_050", "ghostnetv2_100", "hardcorenas_a",
        "hgnetv2_b0", "hrnet_w18_small", "inception_next_atto", "inception_resnet_v2", "inception_v3",
        "inception_v4", "lcnet_035", "lcnetv2_small", "legacy_seresnet18", "legacy_xception",
        "mambaout_femto", "mixnet_s", "mobilenetv3_small_050", "mobilenetv4_conv_small_035", "nasnetalarge",
        "nf_resnet26", "pnasnet5large", "poolformerv2_s12", "rdnet_tiny", "regnetx_002", "regnety_002",
        "repghostnet_050", "repvgg_a0", "repvit_m0_9", "res2net50_14w_8s", "resnest14d", "resnet10t",
        "resnetv2_50", "rexnet_100", "selecsls42", "skresnet18", "starnet_s1", "tresnet_m", "vgg11",
        "xception41",
    )
)  # fmt: skip
"""One net of each family of convolutional nets of timm."""
SIZES = (32, 64, 96, 224, 256)


def smallest_image(net: nn.Module) -> int | None:
    """Height and width of the smallest images of `SIZES` that a net on the meta device takes."""
    for size in SIZES:
        try:
            with torch.no_grad(), torch.device("meta"):
                net.eval()(torch.zeros(2, 3, size, size))
        except Exception:
            continue
        return size
    return None
