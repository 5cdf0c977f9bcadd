"""Nets with basis layers: counts against thop's own and what files hold, ties, trainings."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.core.errors import InputError
from lcsearch.export.packed import pack, unpack
from lcsearch.layers.families.basis import BasisSpec
from lcsearch.nets import surgery
from lcsearch.nets.count import count
from lcsearch.nets.tensors import restore
from lcsearch.nets.thop import thop

SPECS = [BasisSpec(4), BasisSpec(16), BasisSpec(4, bank_seed=1), BasisSpec(4, train_basis=True)]


def strided() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1),
        nn.Conv2d(24, 24, 3, stride=2, padding=1, padding_mode="reflect"),
        nn.Conv2d(24, 24, (5, 3), padding=(4, 2), dilation=2, bias=False),
        nn.Conv2d(24, 16, 3),
    )


def thops(net: nn.Module, image: tuple[int, int, int]) -> int:
    return int(thop.profile(copy.deepcopy(net), (torch.zeros(1, *image),), verbose=False)[0])


@pytest.mark.parametrize("side", [12, 33])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_macs_are_those_that_thop_counts_in_the_cheaper_form_of_each_layer(
    spec: BasisSpec, side: int
) -> None:
    image = (3, side, side)
    net = surgery.convert(strided(), dict.fromkeys("123", spec), keep_hopeless=True)
    rows = {row.name: row.macs for row in count(net, image).layers}
    x = torch.zeros(1, *image)
    for name, layer in net.named_children():
        given = x.shape[1:]
        forms = [layer.to_conv(), layer.factorize()] if name != "0" else [layer]
        assert rows[name] == min(thops(form, given) for form in forms)
        x = layer.eval()(x).detach()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_params_are_the_numbers_that_a_file_holds_beside_statistics(spec: BasisSpec) -> None:
    net = surgery.convert(strided(), dict.fromkeys("123", spec)).eval()
    tensors, table = pack(net)
    statistics = sum(buffer.numel() for name, buffer in net.named_buffers() if ".norm." in name)
    found = count(net, (3, 12, 12))
    assert sum(tensor.numel() for tensor in tensors.values()) - statistics == found.params
    assert found.trainable == sum(parameter.numel() for parameter in net.parameters())
    trainable = {row.name: row.trainable for row in found.layers}
    assert trainable["0"] is None and (trainable["1"] is None) == (spec not in SPECS[:2])
    torch.manual_seed(1)
    again = surgery.convert(strided(), dict.fromkeys("123", spec)).eval()
    restore(again, unpack(tensors, table, "weights"), "weights")
    x = torch.randn(2, 3, 12, 12)
    assert torch.equal(again(x), net(x))


class Recurrent(nn.Module):
    """Three convolutions of one weight, each with a place and a bias of its own, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(12, 12, 3, padding=1)
        self.wide = nn.Conv2d(12, 12, 3, padding=2, dilation=2, bias=False)
        self.down = nn.Conv2d(12, 12, 3, stride=2)
        self.wide.weight = self.down.weight = self.near.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.near(x + self.wide(x).relu()).relu()).mean((2, 3))


@pytest.mark.parametrize("spec", [BasisSpec(3), BasisSpec(3, train_basis=True)], ids=str)
def test_convolutions_of_one_weight_share_bank_and_mixing(spec: BasisSpec) -> None:
    torch.manual_seed(0)
    net, x = surgery.convert(Recurrent(), {"wide": spec}), torch.randn(2, 12, 8, 8)
    assert net.wide.bank is net.down.bank is net.near.bank and net.wide.mixing is net.near.mixing
    assert net.down.bias is not net.near.bias and net.wide.bias is None
    net(x).square().mean().backward()
    net.double().eval()
    assert net.wide.bank is net.down.bank is net.near.bank
    if spec.train_basis:
        assert net.wide.norm.mean is net.near.norm.mean and net.wide.norm.gain is net.down.norm.gain
    plain = surgery.fold(net)
    assert plain.near.weight is plain.wide.weight is plain.down.weight
    for form in (plain, surgery.factorize(net)):
        torch.testing.assert_close(form(x.double()), net(x.double()))
    norm = 2 * 3 if spec.train_basis else 0
    assert count(net, (12, 8, 8)).params == 3 * 12 * 9 + 12 * 3 + norm + 12 + 12
    unshared = 3 * 12 * 9 if not spec.train_basis else 0
    assert count(net, (12, 8, 8)).trainable == 3 * 12 * 9 + 12 * 3 + norm + 12 + 12 - unshared


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_net_of_them_learns_but_for_its_banks(spec: BasisSpec) -> None:
    torch.manual_seed(0)
    x = torch.randn(32, 3, 12, 12)
    y = (x[:, :, :6].mean((1, 2, 3)) > x[:, :, 6:].mean((1, 2, 3))).long()
    body = surgery.convert(strided(), dict.fromkeys("123", spec), keep_hopeless=True)
    net = nn.Sequential(body, nn.Flatten(), nn.LazyLinear(2))
    net(x)
    banks = [body[place].bank.detach().clone() for place in (1, 2, 3)]
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    same = [torch.equal(body[place].bank, bank) for place, bank in zip((1, 2, 3), banks, strict=True)]
    assert same == [not spec.train_basis] * 3


def test_a_batch_norm_inside_takes_statistics_and_goes_on_to_do_what_it_did() -> None:
    torch.manual_seed(0)
    trained, images = strided(), 3 * torch.randn(64, 3, 12, 12) + 1
    net = surgery.compress(trained, dict.fromkeys("123", BasisSpec(12, train_basis=True))).eval()
    before = net(images).detach()
    reestimate(net, images, batch_size=20)
    torch.testing.assert_close(net(images), before, rtol=1e-3, atol=1e-4)
    answers = net[1].answers(net[0](images)).detach()
    torch.testing.assert_close(net[1].norm.mean, answers.mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(net[1].norm.variance, answers.transpose(0, 1).flatten(1).var(1))
    torch.testing.assert_close(net.train()(images), before, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        (
            "0",
            BasisSpec(25),
            "layers.0: filters=25 must be in 1..24 for 24 output channels and filters",
        ),
        ("4", BasisSpec(2), "layers.4: cannot be of a basis: its kernel is 1x1; what fits is a convolution"),
        ("5", BasisSpec(2), "layers.5: cannot be of a basis: it is depthwise; what fits is a convolution"),
        ("6", BasisSpec(2), "layers.6: cannot be of a basis: it has 2 groups; what fits is a convolution"),
    ],
)
@pytest.mark.parametrize("make", [surgery.convert, surgery.compress])
def test_what_does_not_fit_is_said_of_its_layer(
    name: str, spec: BasisSpec, message: str, make: object
) -> None:
    net = strided()
    net.extend([nn.Conv2d(16, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, groups=2)])
    with pytest.raises(InputError) as caught:
        make(net, {name: spec})  # type: ignore[operator]
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
