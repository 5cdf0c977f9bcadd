"""The layer that gives the logits is found wherever it was registered and whatever comes after it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lcsearch.nets.head import head_of
from lcsearch.nets.scores import giving_scores
from lcsearch.nets.weights import read_weights

SHAPE = (1, 6, 6)


class Early(nn.Module):
    """Registers what scores before what it scores; ``finish`` is what becomes of the scores."""

    def __init__(self, finish: str = "plain", classes: int = 3) -> None:
        super().__init__()
        self.score = nn.Linear(4, classes)
        self.unused = nn.Linear(4, classes)
        self.conv = nn.Conv2d(1, 4, 3)
        self.points = nn.Conv2d(4, classes, 1)
        self.last = nn.Linear(classes, 7)
        self.finish = finish

    def forward(self, x: Tensor) -> object:
        x = self.conv(x)
        if self.finish == "map":
            return self.points(x.mean((2, 3), keepdim=True))
        if self.finish == "mean":
            return self.points(x).relu().mean((2, 3))
        scores = self.score(x.mean((2, 3)))
        more = self.last(scores)
        return {
            "plain": scores,
            "scaled": scores / 10,
            "in_place": scores.mul_(2),
            "tuple": (scores, more),
            "dict": {"more": more, "logits": scores},
        }[self.finish]


@pytest.mark.parametrize(
    ("finish", "head"),
    [
        ("plain", "score"),
        ("scaled", "score"),
        ("in_place", "score"),
        ("tuple", "score"),
        ("dict", "score"),
        ("map", "points"),
        ("mean", "points"),
    ],
)
def test_is_the_layer_that_gives_the_logits(finish: str, head: str) -> None:
    net = Early(finish)
    net(torch.zeros(1, *SHAPE))
    assert head_of(giving_scores(net), SHAPE) == head
    assert net.training and not net.score._forward_hooks


def test_without_images_or_where_it_does_not_run_it_is_the_last_one_registered() -> None:
    assert head_of(Early(), None) == "last"
    assert head_of(Early(), (3, 6, 6)) == "last"
    assert head_of(nn.Sequential(nn.ReLU()), SHAPE) is None


def test_no_random_number_is_used() -> None:
    before = torch.get_rng_state()
    net = Early()
    made = torch.get_rng_state()
    head_of(net, SHAPE)
    assert torch.equal(torch.get_rng_state(), made) and not torch.equal(before, made)


def test_weights_of_other_classes_leave_that_layer_new(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old, new = Early(classes=3), Early(classes=3)
    old.score = nn.Linear(4, 9)
    file = tmp_path / "old.pt"
    torch.save(old.state_dict(), file)
    state = read_weights(file, new, new_head=True, shape=SHAPE).state
    assert torch.equal(state["score.weight"], new.score.weight)
    for name in ("conv.weight", "last.weight", "unused.weight"):
        assert torch.equal(state[name], old.state_dict()[name])
