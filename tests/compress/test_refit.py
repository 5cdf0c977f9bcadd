"""Layers that were fitted together, fitted again to what they get, against NumPy's least squares."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.refit import correction
from lcsearch.compress.responses import draw_places, sample
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.shared import SharedSpec

SPECS = dict.fromkeys("135", SharedSpec("x", 4, 1))


def trained(bias: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    parts: list[nn.Module] = [nn.Conv2d(3, 12, 3)]
    for _ in range(3):
        parts += [nn.Conv2d(12, 12, 3, padding=1, bias=bias), nn.ReLU()]
    return nn.Sequential(*parts).eval().requires_grad_(False)


def images() -> Tensor:
    return torch.randn(32, 3, 9, 9, generator=torch.Generator().manual_seed(1)) + 0.5


def test_a_correction_is_a_regression_that_few_samples_hold_back() -> None:
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(5000, 4, dtype=torch.float64, generator=generator)
    wanted = torch.randn(5000, 3, dtype=torch.float64, generator=generator) + given[:, :3]
    mixing = torch.randn(3, 4, dtype=torch.float64, generator=generator)
    best = np.linalg.lstsq(given.numpy(), wanted.numpy(), rcond=None)[0].T
    made = mixing + correction(mixing, given, wanted)
    np.testing.assert_allclose(made.numpy(), best, atol=1e-3)
    assert not correction(mixing, given, given @ mixing.T).abs().max() > 1e-12
    one = correction(mixing, given[:1], wanted[:1])
    assert bool(one.isfinite().all())
    assert not correction(mixing, torch.zeros(8, 4, dtype=torch.float64), wanted[:8]).any()


def lost(net: nn.Module, other: nn.Module) -> float:
    return float((net(images()) - other(images())).square().mean() / other(images()).var())


def test_responses_come_closer_than_filters_alone() -> None:
    for bias in (True, False):
        net = trained(bias)
        by_filters, by_responses = (
            compress_trained(net, SPECS, images(), how=how) for how in ("filters", "responses")
        )
        assert lost(by_responses, net) < 0.75 * lost(by_filters, net)
        assert by_responses[5].shared is by_responses[1].bank
        assert torch.equal(by_responses[1].bank, by_filters[1].bank), "the filters stay"


def test_each_layer_is_fitted_to_what_those_before_it_give() -> None:
    net = trained()
    made = compress_trained(net, SPECS, images())
    given = made[:3](images())
    maps, wanted = made[3].answers(given).detach(), net[:4](images())
    places = draw_places(wanted.shape, wanted.device)
    seen = [sample(one, places).double().numpy() for one in (maps, wanted)]
    best = np.linalg.lstsq(*(one - one.mean(0) for one in seen), rcond=None)[0].T
    np.testing.assert_allclose(made[3].folded_mixing().detach().numpy(), best, rtol=0.02, atol=0.01)
    mean = made[:4](images()).mean((0, 2, 3)) - net[:4](images()).mean((0, 2, 3))
    assert float(mean.abs().max()) < 1e-5, "the bias takes up the rest"


def test_what_is_fitted_alone_behind_them_knows_what_they_give() -> None:
    net = nn.Sequential(*trained(), nn.Conv2d(12, 12, 3)).eval().requires_grad_(False)
    made = compress_trained(net, SPECS | {"7": LinearSpec(0.5)}, images())
    rest = nn.Sequential(*made[:7], net[7])
    assert lost(made, net) < 1.5 * lost(rest, net)


def test_statistics_estimated_afterwards_change_nothing() -> None:
    net = trained()
    made = compress_trained(net, SPECS, images()).eval()
    before = made(images()).detach()
    reestimate(made, images())
    torch.testing.assert_close(made(images()), before, rtol=1e-3, atol=1e-4)


def test_nothing_is_left_behind() -> None:
    net = trained()
    made = compress_trained(net, SPECS, images())
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in made.modules())
    assert not made.training and all(not parameter.requires_grad for parameter in made.parameters())
