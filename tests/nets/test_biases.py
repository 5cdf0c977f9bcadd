"""Models with batch norms inside their layers, as plain nets whose convolutions have no biases."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from lcsearch.core.spec import LayerSpec, ModelSpec
from lcsearch.layers.families.basis import BasisSpec
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.nets import surgery
from lcsearch.nets.biases import into_batch_norms
from lcsearch.nets.tensors import write_state
from lcsearch.nets.weights import load_parent

NAMES = ("stages.0.1.first.0", "stages.0.2.second.0")


@pytest.mark.parametrize("layer", [SharedSpec("x", 4, 1), BasisSpec(4, train_basis=True)], ids=str)
def test_a_trained_model_is_a_plain_net_of_the_backbones_tensors(layer: LayerSpec, tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = ModelSpec("resnet32", 5, 3, 0.5, dict.fromkeys(NAMES, layer))
    model, images = surgery.build_model(spec).train(), torch.randn(16, 3, 12, 12)
    for _ in range(3):
        model(images + 1)
    write_state(model.state_dict(), tmp_path / "weights.safetensors")
    plain = load_parent(spec, tmp_path / "weights.safetensors")
    folded = surgery.fold(model.eval())
    assert float(folded.get_submodule(NAMES[0]).bias.detach().abs().max()) > 1e-3, (
        "there is something to lose"
    )
    torch.testing.assert_close(plain(images), model(images), rtol=1e-3, atol=1e-4)
    surgery.build_model(ModelSpec("resnet32", 5, 3, 0.5)).load_state_dict(plain.state_dict())


def test_only_a_batch_norm_of_as_many_channels_makes_up_for_it() -> None:
    net = nn.Sequential(
        nn.Conv2d(2, 3, 1), nn.BatchNorm2d(4), nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)
    )
    biases = [net[place].bias.detach().clone() for place in (0, 2, 4)]
    assert into_batch_norms(net, ("0", "2")) is net
    assert net[0].bias is None and net[2].bias is None
    assert torch.equal(net[4].bias, biases[2]), "not among the names"
    assert not net[1].running_mean.any() and torch.equal(net[3].running_mean, -biases[1])
