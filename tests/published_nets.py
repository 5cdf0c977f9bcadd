"""Stands in for the server of torchvision's weights: random ones, which torchvision loads as others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn


def publish(
    patch: pytest.MonkeyPatch, name: str, rename: Callable[[str], str] = lambda key: key
) -> dict[str, Any]:
    """Let torchvision find weights of one net of 1,000 classes, under the names that ``rename`` gives them.

    They are as old as most: without the counters of batch norm.

    Returns:
        What is found.
    """
    torch.manual_seed(0)
    source = torchvision.models.get_model(name, weights=None, **_published(name))
    _liven(source)
    state = source.state_dict()
    found = {rename(key): value for key, value in state.items() if "num_batches_tracked" not in key}

    def answer(self: Any, *args: Any, **options: Any) -> dict[str, Any]:
        return dict(found)

    patch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", answer)
    return found


def _published(name: str) -> dict[str, Any]:
    """What makes a net of the names that are published: two have auxiliary heads."""
    return {"aux_logits": True, "init_weights": False} if name in ("googlenet", "inception_v3") else {}


@torch.no_grad()
def _liven(net: nn.Module) -> None:
    """Filters as large as in trained nets, so that what reaches the last layer depends on the image."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
