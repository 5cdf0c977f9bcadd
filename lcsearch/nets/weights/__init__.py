"""Trained weights from where users have them: a file, torchvision, timm, or a run's start folder.

`files` reads a file, `checkpoints` and `choosing` find a net's tensors in it, `matching` checks that they
fit; `pretrained` gets torchvision's and timm's. Nothing that a file contains is ever executed: safetensors
holds no code, and a pickle is read with ``weights_only``, which refuses all but tensors, plain values and
what `pickled` allows.
"""

from lcsearch.nets.weights.given import (
    GivenWeights,
    for_pretrained,
    pretrained_size,
    pretrained_weights,
    read_weights,
)
from lcsearch.nets.weights.own import load_backbone, load_parent, read_own

__all__ = [
    "GivenWeights",
    "for_pretrained",
    "load_backbone",
    "load_parent",
    "pretrained_size",
    "pretrained_weights",
    "read_own",
    "read_weights",
]
