"""Which convolutions a net calls and trains, before and after they are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.failure import Watch
from lcsearch.nets.use import (
    Use,
    check_still_used,
    left_words,
    used,
    used_only_plain,
    used_only_plain_on_meta,
)

IMAGE = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """Uses its convolutions in several ways, one not at all."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.one, self.two, self.three, self.unused = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(4))
        self.how, self.filters = how, [self.three.weight]
        self.frozen = nn.Conv2d(8, 8, 1).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.frozen(self.one(self.one(x)))
        if self.how != "exact type" or type(self.two) is nn.Conv2d:
            x = self.two(x)
        weight = self.filters[0] if self.how == "list" else self.three.weight
        return F.conv2d(x, weight, self.three.bias)


def use_of(net: nn.Module) -> Use:
    with used(net) as use:
        net(IMAGE).square().sum().backward()
        assert use.called
    called = list(use.called)
    net(IMAGE).sum().backward()
    assert use.called == called, "nothing is noted behind the block"
    return use


def before_and_after(how: str) -> tuple[Use, Use]:
    net = Net(how)
    before = use_of(net)
    layers = dict.fromkeys(("one", "two", "three", "unused"), LinearSpec(0.25))
    return before, use_of(surgery.convert(net, layers))


def test_convolutions_are_named_that_are_called_and_that_learn() -> None:
    before, after = before_and_after("properly")
    assert before == Use(["one", "frozen", "two"], ["one", "two", "three"])
    assert after.called == before.called and after.trained == before.trained
    check_still_used(before, after)
    check_still_used(before, Use(before.called, ["three"]))  # the others may have been skipped by chance
    with pytest.raises(InputError, match="does not train three"):
        check_still_used(before, Use(before.called, ["one", "two"]))


def test_a_net_that_leaves_a_replaced_layer_out_is_refused() -> None:
    before, after = before_and_after("exact type")
    with pytest.raises(
        InputError, match=r'does not call two any more: .*`"two": {kind: \[conv\]}` in a space'
    ):
        check_still_used(before, after)


def test_a_net_that_has_put_filters_aside_is_refused() -> None:
    before, after = before_and_after("list")
    with pytest.raises(InputError, match="does not train three any more: it has put filters aside"):
        check_still_used(before, after)


def test_hooks_go_also_where_the_net_fails() -> None:
    net = Net("properly")
    with pytest.raises(RuntimeError), used(net):
        net(IMAGE[:, :3])
    assert not net.one.weight._post_accumulate_grad_hooks and use_of(net).called[0] == "one"


def test_layers_of_which_one_parameter_learns_are_not_trained() -> None:
    layer = surgery.convert(nn.Sequential(nn.Conv2d(8, 8, 3)), {"0": LinearSpec(0.25)})
    with used(layer) as use:
        layer[0].primary.sum().backward()  # type: ignore[index,union-attr]
    assert use == Use()


NETS = """
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.one = nn.Conv2d(in_channels, 8, 3)
        self.two = nn.Conv2d(8, 12, 3)
        self.three = nn.Conv2d(12, 12, 1)
        self.four = nn.Conv2d(12, num_classes, 1)

    def forward(self, x):
        return self.four(self.three(self.two(self.one(x)))).mean((2, 3))

class Exact(Net):
    def forward(self, x):
        x = self.two(self.one(x))
        return self.four(self.three(x) if type(self.three) is nn.Conv2d else x).mean((2, 3))

class Fails(Net):
    def forward(self, x):
        x = self.one(x)
        x = self.two(x) if type(self.two) is nn.Conv2d else x
        return self.four(self.three(x)).mean((2, 3))

class Aside(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.filters = [self.two.weight]

    def forward(self, x):
        return self.four(self.three(F.conv2d(self.one(x), self.filters[0], self.two.bias))).mean((2, 3))

class Tied(Net):
    def __init__(self, num_classes, in_channels):
        super().__init__(num_classes, in_channels)
        self.five = nn.Conv2d(12, 12, 1)
        self.five.weight = self.three.weight

    def forward(self, x):
        x = self.three(self.two(self.one(x)))
        return self.four(self.five(x) if type(self.five) is nn.Conv2d else x).mean((2, 3))

class Hopeless(Net):
    def forward(self, x):
        if any(type(layer) is not nn.Conv2d for layer in self.children()):
            raise TypeError("convolutions alone")
        return super().forward(x)

class Broken(Net):
    def forward(self, x):
        raise RuntimeError("never")
"""


@pytest.mark.parametrize(
    ("net", "left"),
    [
        ("Net", {}),
        ("Exact", {"three": "call"}),
        ("Fails", {"two": "call"}),
        ("Aside", {"two": "train"}),
        ("Tied", {"three": "call"}),
        ("Hopeless", {}),
        ("Broken", {}),
    ],
)
@pytest.mark.parametrize("meta", [True, False])
def test_what_must_stay_plain_is_found_and_no_more(
    net: str, left: dict[str, str], meta: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"uses_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    plain = ModelSpec(f"{name}:{net}", 5, 3)
    layers = dict.fromkeys(("one", "two", "three", "four"), LinearSpec(0.25))

    def run(model: nn.Module) -> None:
        with Watch():
            model(IMAGE[:, :3]).square().sum().backward()

    found = used_only_plain_on_meta(plain, layers, 6) if meta else used_only_plain(plain, layers, run)
    assert {name: why.split(" it ")[0] for name, why in found.items()} == {
        name: f"the net does not {verb}" for name, verb in left.items()
    }
    assert left_words(found) == [f"left plain: {name} ({why})" for name, why in found.items()]
