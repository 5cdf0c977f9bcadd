"""Layers that share filters against PyTorch's own convolution and batch norm, and who holds what."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from lcsearch.layers import SharedConv2d
from lcsearch.layers.banked import BankedConv2d, share_bank

ARGUMENTS = [
    {"padding": 1, "bias": False},
    {"stride": 2, "padding": (1, 0), "padding_mode": "reflect"},
    {"padding": "same", "dilation": 2, "padding_mode": "circular"},
]


def layer(unique: int = 2, **arguments: Any) -> SharedConv2d:
    torch.manual_seed(0)
    made = SharedConv2d(6, 10, 3, shared=3, unique=unique, dtype=torch.float64, **arguments)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def published(own: SharedConv2d, **arguments: Any) -> nn.Sequential:
    """A BN([U x; S x]), of PyTorch's own modules."""
    filters = own.shared if own.unique is None else torch.cat([own.unique, own.shared])
    arguments = arguments | {"bias": False, "dtype": torch.float64}
    first, norm = nn.Conv2d(6, len(filters), 3, **arguments), nn.BatchNorm2d(len(filters)).double()
    mixing = nn.Conv2d(len(filters), 10, 1, bias=own.bias is not None, dtype=torch.float64)
    with torch.no_grad():
        first.weight.copy_(filters)
        norm.weight.copy_(own.norm.gain)
        norm.bias.copy_(own.norm.offset)
        norm.running_var.copy_(own.norm.variance)  # type: ignore[union-attr]
        mixing.weight.copy_(own.mixing[:, :, None, None])
        if mixing.bias is not None:
            mixing.bias.copy_(own.bias)
    return nn.Sequential(first, norm, mixing)


@pytest.mark.parametrize("unique", [0, 2])
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_it_is_the_published_layer_in_training_and_in_evaluation(
    arguments: dict[str, Any], unique: int
) -> None:
    own, x = layer(unique, **arguments), torch.randn(4, 6, 9, 8, dtype=torch.float64)
    other = published(own, **arguments)
    for _ in range(2):
        torch.testing.assert_close(own(x), other(x))
    own(x).square().sum().backward()
    other(x).square().sum().backward()
    torch.testing.assert_close(own.shared.grad, other[0].weight.grad[unique:])
    torch.testing.assert_close(own.mixing.grad, other[2].weight.grad[:, :, 0, 0])
    torch.testing.assert_close(own.norm.gain.grad, other[1].weight.grad)
    own.eval(), other.eval()
    torch.testing.assert_close(own(x), other(x))
    torch.testing.assert_close(own(x[0]), other(x)[0])
    for form in (own.to_conv(), own.factorize()):
        torch.testing.assert_close(form(x), other(x))
        torch.testing.assert_close(form.weight, own.weight)  # type: ignore[arg-type]
    assert isinstance(own.factorize(), BankedConv2d)
    assert torch.equal(own.to_conv().bias, own.factorize().bias), "it has one, also where the layer has none"  # type: ignore[arg-type]


def test_a_form_of_more_filters_than_outputs_is_one_convolution() -> None:
    assert type(SharedConv2d(6, 10, 3, shared=12).factorize()) is nn.Conv2d


def test_fresh_filters_are_orthonormal() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        own = SharedConv2d(6, 10, 3, shared=7, unique=3, dtype=dtype)
        assert own.unique is not None
        for filters in (own.shared, own.unique):
            flat = filters.detach().float().flatten(1)
            torch.testing.assert_close(flat @ flat.T, torch.eye(len(flat)), rtol=0, atol=2e-2)


def net() -> nn.Sequential:
    first = layer(1, padding=1)
    others = (SharedConv2d(6, 10, 3, padding=1, shared=3, unique=u, owner=first).double() for u in (2, 0))
    return nn.Sequential(first, *others)


def test_the_bank_is_one_parameter_of_its_owner() -> None:
    made = net()
    assert made[0].owner is None and made[1].owner is made[2].owner is made[0]
    assert made[1].shared is made[2].shared is made[0].shared is made[0].bank
    assert [name for name in made.state_dict() if name.endswith("bank")] == ["0.bank"]
    assert sum(parameter is made[0].bank for parameter in made.parameters()) == 1
    assert [name for name, _ in made.named_children()] == ["0", "1", "2"]
    assert made[1].unique is not None and made[2].unique is None


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), lambda net: net.float().double()]
)
def test_copies_share_among_themselves(copied: Any) -> None:
    made, x = net(), torch.randn(2, 6, 5, 5, dtype=torch.float64)
    other = copied(made)
    assert other[1].owner is other[0] and other[2].shared is other[0].bank
    with torch.no_grad():
        other[0].bank.zero_()
    assert other is made or made[1].shared.abs().sum() > 0
    assert other[2].eval()(x).std((0, 2, 3)).max() < 1e-12


def test_gradients_of_all_layers_reach_the_bank() -> None:
    made, x = net().eval(), torch.randn(2, 6, 5, 5, dtype=torch.float64)
    alone = []
    for own in made:
        made.zero_grad()
        own(x).sum().backward()
        alone.append(made[0].bank.grad.clone())
    made.zero_grad()
    sum(own(x).sum() for own in made).backward()
    torch.testing.assert_close(made[0].bank.grad, alone[0] + alone[1] + alone[2])
    assert all(gradient.abs().sum() > 0 for gradient in alone)


def test_a_layer_that_borrows_from_a_borrower_has_the_owners_bank() -> None:
    made = net()
    last = SharedConv2d(6, 10, 3, shared=3, owner=made[1])
    assert last.owner is made[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shared": 4}, "shared=4 must be 3, as in the owner's bank"),
        ({"shared": 3, "out_channels": 11}, "output channels are 11, not 10"),
        ({"shared": 3, "groups": 2, "in_channels": 12}, "cannot share filters: it has 2 groups"),
        ({"shared": 54, "unique": 1, "owner": None}, "unique=1 must be in 0..0"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict[str, Any], message: str) -> None:
    given = {"in_channels": 6, "out_channels": 10, "kernel_size": 3, "owner": layer()} | arguments
    with pytest.raises(ValueError, match=message):
        SharedConv2d(**given)


def test_only_forms_that_have_a_bank_share_one() -> None:
    made = net()
    forms = [made[0].factorize(), made[1].factorize(), made[2].to_conv()]
    for form in forms[1:]:
        share_bank(form, forms[0])
    assert forms[1].shared.weight is forms[0].shared.weight
    assert forms[2].weight is not forms[0].weight


def test_an_owner_of_another_family_has_no_bank() -> None:
    from lcsearch.layers import LinearConv2d

    with pytest.raises(ValueError, match="owner=LinearConv2d has no bank"):
        layer().borrow(LinearConv2d(6, 10, 3, alpha=0.5))
