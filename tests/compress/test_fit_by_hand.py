"""What layers are fitted to, against numpy's least squares and patches that ``unfold`` cuts out."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from bank_family import BankFamily, BankLayer, BankSpec
from torch import Tensor, nn

from lcsearch.compress.closeness import closeness_of, patch_covariance
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.responses import Response
from lcsearch.core import plugins
from lcsearch.layers.closeness import Closeness, Target
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.layer import FamilyLayer
from lcsearch.nets import surgery

PRIOR, RIDGE = 1e-3, 0.1
"""What the filters' own numbers count beside responses, and how hard a correction is held to the identity."""


def array(tensor: Tensor) -> Any:
    return tensor.detach().double().numpy()


def measure(closeness: Closeness) -> Any:
    """The weighted Gram matrix that stands behind eigenvalues and eigenvectors."""
    vectors = array(closeness.vectors)
    return vectors * array(closeness.values) @ vectors.T


def with_prior(gram: Any, filters: Any, weight: Any) -> Any:
    own = filters @ filters.T
    return weight[:, None] * (gram + PRIOR * own * np.trace(gram) / np.trace(own)) * weight


def all_of(output: Tensor) -> Any:
    """Every value of feature maps of at most 16 places, a row for a place of an image."""
    return array(output.permute(0, 2, 3, 1).flatten(0, 2))


def response(output: Tensor, weight: Tensor, normalised: bool = False) -> Response:
    """What a convolution answered, looked at everywhere."""
    area = output.shape[2] * output.shape[3]
    places = torch.arange(area).expand(len(output), -1)
    samples = output.permute(0, 2, 3, 1).flatten(0, 2)
    return Response(output.shape, places, samples, output.mean((0, 2, 3)), normalised, weight)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("bias", "normalised"), [(True, False), (False, True), (False, False)])
def test_closeness_is_that_of_the_responses(bias: bool, normalised: bool) -> None:
    """Around their mean where a bias or batch norm takes that up, else around zero."""
    conv, output = nn.Conv2d(2, 5, 3, bias=bias), torch.randn(7, 5, 2, 3) + 2
    weight = torch.rand(5, dtype=torch.float64) + 0.5
    filters, closeness = closeness_of(conv, response(output, weight, normalised), None)
    assert filters.dtype == torch.float64 and torch.equal(filters, conv.weight.double())
    rows = all_of(output)
    gram = (np.cov(rows.T, bias=True) if bias or normalised else 0) + (
        0 if bias or normalised else sum(np.outer(row, row) for row in rows) / len(rows)
    )
    wanted = with_prior(gram, array(conv.weight).reshape(5, -1), array(weight))
    assert np.allclose(measure(closeness), wanted, rtol=1e-6) and torch.equal(closeness.weight, weight)


@pytest.mark.parametrize("bias", [True, False])
def test_filters_make_up_for_what_predecessors_do(bias: bool) -> None:
    """K is the ridge regression, around the identity, of what is wanted on what the filters give now."""
    conv = nn.Conv2d(2, 4, 1, bias=bias)
    x, weight = torch.randn(3, 2, 2, 2) + 1, torch.rand(4, dtype=torch.float64) + 0.5
    plain, wanted_output = conv(x), torch.randn(3, 4, 2, 2) * 3 - 1
    filters, closeness = closeness_of(conv, response(wanted_output, weight), x, plain)
    given, wanted = all_of(plain), all_of(wanted_output)
    if bias:
        given, wanted = given - given.mean(0), wanted - wanted.mean(0)
    size = np.square(given).mean()
    pull = np.sqrt(RIDGE * size * (1 + 4 / 12)) * np.eye(4)
    left, right = np.concatenate([given / np.sqrt(12), pull]), np.concatenate([wanted / np.sqrt(12), pull])
    change = np.linalg.lstsq(left, right, rcond=None)[0].T
    made = change @ array(conv.weight).reshape(4, -1)
    assert filters.shape == conv.weight.shape and np.allclose(array(filters).reshape(4, -1), made)
    answers = given @ change.T
    assert np.allclose(
        measure(closeness), with_prior(answers.T @ answers / 12, made, array(weight)), rtol=1e-5
    )


def patches(conv: nn.Conv2d, x: Tensor) -> list[Any]:
    """What the filters of each group see, (n * places, numbers of a filter)."""
    size = conv.weight[0].numel()
    cut = F.unfold(x, conv.kernel_size, conv.dilation, conv.padding, conv.stride)  # type: ignore[arg-type]
    return [array(own.transpose(1, 2).flatten(0, 1)) for own in cut.split(size, 1)]


CONVS: list[dict[str, Any]] = [
    {"in_channels": 4, "out_channels": 6, "kernel_size": (1, 2), "groups": 2},
    {"in_channels": 6, "out_channels": 6, "kernel_size": 3, "groups": 3, "padding": 1, "stride": 2},
    {"in_channels": 4, "out_channels": 4, "kernel_size": (3, 2), "groups": 4, "dilation": (1, 2)},
]


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("images", [1, 7, 16, 31])
@pytest.mark.parametrize("options", CONVS, ids=str)
def test_patches_are_those_of_an_eighth_of_the_images(
    options: dict[str, Any], images: int, centred: bool
) -> None:
    conv, x = nn.Conv2d(**options), torch.randn(images, options["in_channels"], 4, 4) + 1
    groups = patches(conv, x[: max(1, images // 8)])
    if centred:
        groups = [own - own.mean(0) for own in groups]
    wanted = sum(own.T @ own / len(own) for own in groups) / len(groups)
    found = patch_covariance(conv, x, centred)
    assert found.dtype == torch.float64 and np.allclose(array(found), wanted, rtol=1e-4, atol=1e-6)


def test_patches_of_large_maps_are_sampled() -> None:
    conv, x = nn.Conv2d(2, 4, 3, groups=2), torch.randn(64, 2, 40, 40)
    (first, second) = patches(conv, x[:8])
    found = array(patch_covariance(conv, x, True))
    wanted = (np.cov(first.T, bias=True) + np.cov(second.T, bias=True)) / 2
    assert not np.allclose(found, wanted, atol=1e-3), "not all 1444 places of an image"
    assert np.allclose(found, wanted, atol=0.5)


@pytest.mark.parametrize("bias", [True, False])
def test_groups_are_as_close_as_what_they_do_to_patches(bias: bool) -> None:
    conv, x = nn.Conv2d(4, 6, (1, 2), groups=2, bias=bias), torch.randn(9, 4, 2, 4) + 1
    weight = torch.rand(6, dtype=torch.float64) + 0.5
    filters, closeness = closeness_of(conv, response(conv(x).detach(), weight), x, conv(x))
    assert torch.equal(filters, conv.weight.double())
    flat, groups = array(conv.weight).reshape(6, -1), patches(conv, x[:1])
    if bias:
        groups = [own - own.mean(0) for own in groups]
    covariance = sum(own.T @ own / len(own) for own in groups) / 2
    wanted = with_prior(flat @ covariance @ flat.T, flat, array(weight))
    assert np.allclose(measure(closeness), wanted, rtol=1e-4)


def test_filters_of_zeros_have_no_say() -> None:
    conv, output = nn.Conv2d(1, 3, 1), torch.randn(5, 3, 2, 2)
    nn.init.zeros_(conv.weight)
    _, closeness = closeness_of(conv, response(output, torch.ones(3).double()), None)
    assert np.allclose(measure(closeness), np.cov(all_of(output).T, bias=True), rtol=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_response_without_numbers_gives_no_measure(value: float) -> None:
    conv, output = nn.Conv2d(1, 3, 1), torch.randn(5, 3, 2, 2)
    output[0, 1, 0, 0] = value
    weight = torch.ones(3).double()
    filters, closeness = closeness_of(conv, response(output, weight), None)
    assert torch.equal(filters, conv.weight.double()) and torch.equal(closeness.weight, weight)
    assert closeness.values.shape == (3,) and bool(closeness.values.isnan().all())


class Pair(nn.Module):
    """Two convolutions in a row, with a bias or without, and batch norm behind the first."""

    def __init__(self, bias: bool = True, out: int = 8) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 8, 3, bias=bias), nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, out, 3, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.norm(self.first(images)).relu()).mean((2, 3))  # type: ignore[no-any-return]


def test_a_fit_to_filters_is_that_of_the_filters_alone() -> None:
    model, layers = Pair().eval(), {"first": LinearSpec(0.25), "second": LinearSpec(0.5, rank=2)}
    made = compress_trained(model, layers, how="filters")
    wanted = surgery.compress(copy.deepcopy(model), layers)
    for name, value in wanted.state_dict().items():
        assert torch.allclose(made.state_dict()[name], value, atol=1e-6), name
    assert not made.training and all(p.requires_grad for p in made.parameters())


@pytest.mark.parametrize("trained", [True, False])
def test_layers_learn_where_their_convolutions_did(trained: bool) -> None:
    model = Pair().requires_grad_(trained)
    made = compress_trained(model, {"first": LinearSpec(0.5)}, torch.randn(4, 2, 8, 8))
    assert all(parameter.requires_grad == trained for parameter in made.parameters())


class Bank(BankFamily):
    """Remembers what its bundles are to come close to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Target]] = []

    def fit_bundle(self, layers: Any, targets: Any) -> None:
        assert all(isinstance(layer, BankLayer) for layer in layers.values())
        self.asked.append(dict(targets))

    def fit(self, layer: FamilyLayer, target: Target) -> None:
        raise AssertionError("its layers are fitted together")


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    family, find = Bank(), plugins.find
    monkeypatch.setattr(plugins, "find", lambda group, name: family if name == "bank" else find(group, name))
    yield family


def test_layers_that_share_are_fitted_to_responses_together(bank: Bank) -> None:
    model, images = Pair().eval(), torch.randn(64, 2, 8, 8)
    compress_trained(model, dict.fromkeys(["first", "second"], BankSpec(2, "a")), images)
    (asked,) = bank.asked
    assert list(asked) == ["first", "second"]
    x = model.norm(model.first(images)).relu()
    for name, seen in (("first", images), ("second", x)):
        conv = model.get_submodule(name)
        assert torch.equal(asked[name].filters, conv.weight.double())
        rows = all_of(conv(seen))
        own = array(conv.weight).reshape(8, -1)
        wanted = with_prior(np.cov(rows.T, bias=True), own, array(asked[name].closeness.weight))
        # Sixteen of 36 places are looked at; of the second layer's, all.
        assert np.allclose(
            measure(asked[name].closeness), wanted, rtol=0.3 if name == "first" else 1e-4, atol=0.2
        )


@pytest.mark.parametrize("spoil", [False, True])
def test_layers_that_share_are_fitted_to_filters_where_responses_do_not_tell(bank: Bank, spoil: bool) -> None:
    model, images = Pair().eval(), torch.randn(64, 2, 8, 8)
    if spoil:
        images[0] = float("nan")
    layers = dict.fromkeys(["first", "second"], BankSpec(2, "a"))
    compress_trained(model, layers, images, how="responses" if spoil else "filters")
    for name, target in bank.asked[0].items():
        flat = array(model.get_submodule(name).weight).reshape(8, -1)
        assert np.allclose(measure(target.closeness), flat @ flat.T)
        assert torch.equal(target.closeness.weight, torch.ones(8).double())
