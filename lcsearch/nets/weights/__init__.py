"""Trained weights from where users have them: a file, torchvision, or a run's start folder.

Nothing that a file contains is ever executed: safetensors holds none, and a pickle is read with
``weights_only``, which refuses all but tensors and plain containers.
"""

from lcsearch.nets.weights.given import pretrained_weights, read_weights
from lcsearch.nets.weights.own import load_backbone, load_parent, read_own

__all__ = ["load_backbone", "load_parent", "pretrained_weights", "read_own", "read_weights"]
