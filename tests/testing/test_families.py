from __future__ import annotations

import math
from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lcsearch.core import plugins
from lcsearch.core.ranges import Count, Share
from lcsearch.layers import LinearConv2d
from lcsearch.layers.basis_rule import BasisRule
from lcsearch.layers.families.linear import LinearFamily, LinearSpec
from lcsearch.layers.families.shared import SharedSpec
from lcsearch.layers.family import Family
from lcsearch.layers.linear_offer import Chosen, LinearOffer
from lcsearch.layers.linear_rule import LinearRule
from lcsearch.layers.lookup import family
from lcsearch.layers.separable_rule import SeparableRule
from lcsearch.layers.shape import Places, Size
from lcsearch.layers.shared_rule import Part, SharedRule
from lcsearch.testing import check_family

RULES = {
    "linear": (
        LinearRule(coefficients=["full", "low_rank", "sparse"]),
        LinearRule(coefficients=["low_rank"], rank=Count(low=1, high=9)),
        LinearRule(coefficients=["sparse"], alpha=Share(low=0.3, high=0.45)),
    ),
    "separable": (
        SeparableRule(pointwise=["full", "low_rank"]),
        SeparableRule(pointwise=["low_rank"], terms=Count(low=2, high=9)),
    ),
    "basis": (BasisRule(energy=Share(low=0.3, high=0.99), bank=["fitted", "random", "trained"]),),
    "shared": (
        SharedRule(share_by=["position"], shared=Share(low=0.05, high=1.0), unique=Part(low=0.0, high=1.0)),
        SharedRule(
            share_by=["stage", "position"], shared=Share(low=0.1, high=0.1), unique=Part(low=0, high=0)
        ),
    ),
}
"""What spaces may say, beside nothing."""
SPECS = {"shared": (SharedSpec("one", 4, 1), SharedSpec("two", 3, 0), SharedSpec("three", 1, 2))}
"""What is checked beside what spaces offer."""


@pytest.mark.slow
@pytest.mark.parametrize("name", plugins.names(plugins.FAMILY))
def test_ours_keep_the_contract(name: str) -> None:
    check_family(family(name), rules=RULES.get(name, ()), specs=SPECS.get(name, ()))


class Colourless(LinearFamily):
    colour = "blue"


class OtherName(LinearFamily):
    name = "other"


class Drifts(LinearFamily):
    def canonical(self, shape: Any, spec: LinearSpec) -> LinearSpec | None:
        found = super().canonical(shape, spec)
        return None if found is None else replace(found, alpha=found.alpha * 0.9)


class SavesNothing(LinearFamily):
    def canonical(self, shape: Any, spec: LinearSpec) -> LinearSpec | None:
        return super().canonical(shape, spec) or LinearSpec(1.0)


class Larger(LinearFamily):
    def size(self, shape: Any, spec: LinearSpec) -> Size:
        size = super().size(shape, spec)
        return Size(size.trainable, size.stored - 1)


class Cheaper(LinearFamily):
    def macs(self, shape: Any, spec: LinearSpec, places: Places) -> int:
        return super().macs(shape, spec, places) // 2


class TakesAnything(LinearFamily):
    def read(self, plain: Any) -> LinearSpec:
        return super().read({key: value for key, value in plain.items() if key != "no_such_field"})


class ReadsAlphaAlone(LinearFamily):
    def read(self, plain: Any) -> LinearSpec:
        return replace(super().read(plain), rank=None, sparsity=None)


class TwoLines(LinearFamily):
    def words(self, spec: LinearSpec) -> str:
        return super().words(spec).replace(", ", "\n")


class Undescribed(LinearFamily):
    features = 4


class ForgetsTheSpec(LinearFamily):
    def spec_of(self, layer: Any) -> LinearSpec:
        return LinearSpec(0.5)


class FitsByChance(LinearFamily):
    def fit(self, layer: Any, target: Any) -> None:
        pass


class NoPenalty(LinearFamily):
    def regularization(self, layers: Any, reduction: Any) -> Any:
        return torch.tensor(math.nan)


class Layer(LinearConv2d):
    """A layer that tests break."""

    @classmethod
    def of(cls, layer: LinearConv2d) -> Layer:
        layer.__class__ = cls
        assert isinstance(layer, cls)
        return layer


class LosesItsBias(Layer):
    def to_conv(self) -> nn.Conv2d:
        conv = super().to_conv()
        if conv.bias is not None:
            conv.bias.data += 1e-3
        return conv


class Shrinks(Layer):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[..., :-1]


class PrunesAway(Layer):
    def prune(self, share: float) -> None:
        self.primary.data.fill_(math.nan)


class StartsHuge(Layer):
    def match_scale(self, conv: nn.Conv2d) -> None:
        super().match_scale(conv)
        self.primary.data *= 100


class Shift(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


class KeepsAside(Layer):
    """The end of the training changes its output, and its state does not hold that."""

    def prune(self, share: float) -> None:
        super().prune(share)
        self.__dict__["pruned"] = share == 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + self.__dict__.get("pruned", 0)

    def to_conv(self) -> nn.Conv2d:
        conv = super().to_conv()
        if conv.bias is not None and self.__dict__.get("pruned"):
            conv.bias.data += 1
        return conv

    def factorize(self, places: Places | None = None) -> nn.Module:
        made = super().factorize(places)
        return nn.Sequential(made, Shift()) if self.__dict__.get("pruned") else made


class ReadsWithoutGradient(Layer):
    @property
    def weight(self) -> torch.Tensor:  # type: ignore[override]
        return super().weight.detach()


class ReadsPrimaries(Layer):
    @property
    def weight(self) -> torch.Tensor:  # type: ignore[override]
        return self.primary


class CannotBeRead(Layer):
    def factorize(self, places: Places | None = None) -> nn.Module:
        return nn.Sequential(*super().factorize(places).children()) or super().factorize(places)


def with_layer(kind: type[Layer]) -> LinearFamily:
    class Broken(LinearFamily):
        def fresh(self, conv: nn.Conv2d, spec: LinearSpec) -> LinearConv2d:
            return kind.of(super().fresh(conv, spec))

    return Broken()


class Wanders(LinearOffer[LinearSpec]):
    def nudged(self, own: Chosen, rng: Any) -> Chosen:
        return Chosen(1.0 - own.alpha / 2, own.coefficients, own.amount)


class Guesses(LinearOffer[LinearSpec]):
    def guesses(self, wanted: Any, shapes: Any) -> Any:
        return iter(())


class Unlucky(LinearOffer[LinearSpec]):
    """Draws from a generator of its own."""

    chance = np.random.default_rng(0)

    def changed(self, own: Chosen, rng: Any) -> Chosen:
        return super().changed(own, self.chance)


class UpsideDown(LinearOffer[LinearSpec]):
    def extreme(self, shapes: Any, end: Any) -> Chosen:
        return super().extreme(shapes, "smallest" if end == "largest" else "largest")


class HalfAnswers(LinearOffer[LinearSpec]):
    def answers(self, own: Chosen, shrink: float) -> dict[str, float | str]:
        answers = super().answers(own, shrink)
        return {name: answer for name, answer in answers.items() if name.endswith("alpha")}


def with_offer(kind: type[LinearOffer[LinearSpec]]) -> LinearFamily:
    class Broken(LinearFamily):
        def offer(self, rule: Any, group: str, shapes: Any) -> LinearOffer[LinearSpec]:
            return kind(self, LinearSpec, astuple, rule, group, shapes)

    return Broken()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Colourless(), "its colour is 'blue'; expected one such as #0072b2"),
        (OtherName(), "its specs say that they are of family 'linear', not 'other'"),
        (Drifts(), "which is canonical, is LinearSpec"),
        (SavesNothing(), r"canonical\(\) must return None where nothing is saved"),
        (Larger(), r"stores \d+ numbers, and size\(\) says \d+"),
        (Cheaper(), r"factorize\(\) takes \d+ multiply-accumulates, macs\(\) says \d+"),
        (TakesAnything(), "takes a field that it does not know"),
        (ReadsAlphaAlone(), "is read as LinearSpec"),
        (TwoLines(), r"words\(\) of .* expected text in one line"),
        (Undescribed(), r"describe\(\) of .* expected 4 finite numbers"),
        (ForgetsTheSpec(), "says that it was made with"),
        (FitsByChance(), "the closest to a convolution that .* can be is .*% of its norm away"),
        (NoPenalty(), "expected None or one finite number"),
        (with_layer(LosesItsBias), "does not start with the bias|gives other outputs"),
        (with_layer(Shrinks), "where the convolution gives"),
        (with_layer(PrunesAway), "or not finite|a training step"),
        (with_layer(StartsHuge), "times as large as those of the convolution"),
        (with_layer(KeepsAside), "loaded from a state_dict, gives other outputs"),
        (with_layer(ReadsWithoutGradient), "no gradient flows through the weight of"),
        (with_layer(ReadsPrimaries), "the weight of .* is not its filters"),
        (with_layer(CannotBeRead), r"reading the weight of factorize\(\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_breaks_it_is_said(broken: Family[Any], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_family(broken, rules=RULES["linear"])


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Wanders, r"least_shrink\(.*expected 0 to 1"),
        (Guesses, r"none of guesses\(\) makes"),
        (Unlucky, "differs, though its generator is seeded alike"),
        (UpsideDown, r"by extreme\(\) the smallest stores"),
        (HalfAnswers, "the answers of .* lie outside the space"),
    ],
)
def test_what_breaks_an_offer_is_said(
    broken: type[LinearOffer[LinearSpec]], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lcsearch.testing.families._MOST_SPECS", 1
    )  # layers are looked at first: they are ours
    with pytest.raises(AssertionError, match=complaint):
        check_family(with_offer(broken), rules=RULES["linear"])
