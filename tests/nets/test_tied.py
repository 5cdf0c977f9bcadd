"""Convolutions that share their weight become layers that share their tensors, and share again afterwards."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec
from lcsearch.export.packed import pack, unpack
from lcsearch.layers.factorized import FactorizedConv2d
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.linear_conv import LinearConv2d
from lcsearch.layers.models import prunable, regularization, undecayed
from lcsearch.layers.pruning import prune_coefficients
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.nets.tensors import read_tensors, restore, write_state

SPECS = [LinearSpec(0.25), LinearSpec(0.5, rank=2), LinearSpec(0.5, sparsity=0.5)]


class Recurrent(nn.Module):
    """Three convolutions of one weight, each with a place and a bias of its own, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.near = nn.Conv2d(12, 12, 3, padding=1)
        self.wide = nn.Conv2d(12, 12, 3, padding=2, dilation=2, bias=False)
        self.down = nn.Conv2d(12, 12, 3, stride=2)
        self.wide.weight = self.down.weight = self.near.weight
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        x = self.near(x + self.wide(x).relu()).relu()
        return self.head(self.down(x).mean((2, 3)))


def images() -> Tensor:
    return torch.randn(4, 3, 10, 10, generator=torch.Generator().manual_seed(3))


def converted(spec: LayerSpec, name: str = "near") -> Recurrent:
    torch.manual_seed(0)
    net = surgery.convert(Recurrent(), {name: spec})
    assert isinstance(net, Recurrent)
    return net


def trained(spec: LayerSpec) -> Recurrent:
    """After two steps, the second of which prunes all that is to be pruned."""
    net = converted(spec)
    optimizer = torch.optim.SGD(net.parameters(), 0.05)
    for progress in (0.1, 0.5):
        optimizer.zero_grad()
        net(images()).square().mean().backward()
        optimizer.step()
        prune_coefficients(net, progress)
    return net.eval()


def check_shared(net: Recurrent) -> None:
    lead = net.near
    assert isinstance(lead, LinearConv2d) and lead.lead is None
    for own in (net.wide, net.down):
        assert isinstance(own, LinearConv2d) and own.lead is lead
        for name in ("primary", "coefficients", "column", "row", "mask", "order"):
            assert getattr(own, name) is getattr(lead, name)
    assert net.wide.bias is None and net.down.bias is not lead.bias


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("name", ["near", "wide", "down"])
def test_all_become_layers_of_the_same_tensors_whichever_is_named(spec: LinearSpec, name: str) -> None:
    net = converted(spec, name)
    check_shared(net)
    assert net.down.stride == (2, 2) and net.wide.dilation == (2, 2)
    assert net.down.bias is not None and bool((net.down.bias != 0).any())


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_outputs_are_those_of_convolutions_that_share_the_composed_filters(spec: LinearSpec) -> None:
    net = trained(spec)
    plain = Recurrent()
    plain.load_state_dict(net.state_dict(), strict=False)
    with torch.no_grad():
        plain.near.weight.copy_(net.near.weight)
        assert torch.allclose(plain(images()), net(images()), atol=1e-6)


def test_a_shared_tensor_counts_once_trains_once_and_is_penalised_once() -> None:
    """Sparse: 6 primaries of 12 x 9 numbers, half of 6 x 6 coefficients, two biases; the rest is plain."""
    net = converted(LinearSpec(0.5, sparsity=0.5))
    sizes = {row.name: row.params for row in count(net, (3, 10, 10)).layers}
    assert sizes == {"stem": 12 * 28, "near": 6 * 108 + 18 + 12, "wide": 0, "down": 12, "head": 65}
    assert count(net, (3, 10, 10)).params == sum(sizes.values())
    alone = nn.Sequential(copy.deepcopy(net.near))
    assert torch.equal(regularization(net), regularization(alone))
    assert [prunable(net), undecayed(net)] == [[net.near.coefficients]] * 2


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("form", [surgery.fold, surgery.factorize])
def test_standard_forms_share_again(spec: LinearSpec, form: object) -> None:
    net = trained(spec)
    standard = form(net)  # type: ignore[operator]
    with torch.no_grad():
        assert torch.allclose(standard(images()), net(images()), atol=1e-5)
    near, down = standard.near, standard.down
    if isinstance(near, FactorizedConv2d):
        assert near[0].weight is down[0].weight is standard.wide[0].weight
        assert near[1].weight is down[1].weight and near[1].bias is not down[1].bias
    else:
        assert near.weight is down.weight is standard.wide.weight and near.bias is not down.bias


def test_one_bias_stays_one() -> None:
    net = Recurrent()
    net.down.bias = net.near.bias
    layers = surgery.convert(net, {"down": LinearSpec(0.25)})
    assert layers.down.bias is layers.near.bias
    folded = surgery.fold(layers)
    assert folded.down.bias is folded.near.bias


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_weights_are_kept_and_read(spec: LinearSpec, tmp_path: Path) -> None:
    net, others = trained(spec), [converted(spec).eval() for _ in range(2)]
    write_state(net.state_dict(), tmp_path / "w.safetensors")
    restore(others[0], read_tensors(tmp_path / "w.safetensors")[0], "w")
    tensors, table = pack(net)
    stored = sum(tensor.numel() for name, tensor in tensors.items() if name.startswith("float"))
    assert stored == count(net, (3, 10, 10)).params
    restore(others[1], unpack(tensors, table, "w"), "w")
    for other in others:
        check_shared(other)
        assert torch.equal(other(images()), net(images()))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_copies_and_casts_share_as_well(spec: LinearSpec) -> None:
    net = trained(spec)
    with torch.no_grad():
        net.near.set_order(torch.randperm(12, generator=torch.Generator().manual_seed(1)))
    moved = copy.deepcopy(net).double()._apply(torch.clone)  # as a move to another device does
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), moved):
        check_shared(other)
        expected = net(images())
        assert torch.allclose(other(images().to(other.head.weight)).float(), expected, atol=1e-5)


def test_the_filters_closest_to_the_weight_are_found_once() -> None:
    torch.manual_seed(0)
    net = Recurrent()
    with torch.no_grad():  # of rank 3, so that a quarter of the filters makes all
        net.near.weight.copy_((torch.randn(12, 3) @ torch.randn(3, 108)).view(12, 12, 3, 3))
    expected = net(images())
    small = surgery.compress(net, {"wide": LinearSpec(0.25)})
    check_shared(small)
    assert torch.allclose(small(images()), expected, rtol=1e-3, atol=1e-3)


def test_two_specs_for_one_weight_are_refused() -> None:
    quarter, half = LinearSpec(0.25), LinearSpec(0.5)
    check_shared(surgery.convert(Recurrent(), {"near": quarter, "down": quarter}))
    with pytest.raises(InputError, match="'near' and 'down' share one weight, but their specs differ"):
        surgery.convert(Recurrent(), {"near": quarter, "down": half})
