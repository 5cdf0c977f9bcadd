"""Nets that answer with more than logits: which tensor is taken, and that all else of them stays."""

from __future__ import annotations

import copy
import io
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from lcsearch.nets import surgery
from lcsearch.nets.scores import giving_scores, own_answer, scores_in

LOGITS, OTHER = torch.arange(6.0).view(2, 3), torch.zeros(2, 7)


class Both(NamedTuple):
    aux: Tensor
    logits: Tensor


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (LOGITS, ""),
        (LOGITS[:, :, None, None], "(n, 3, 1, 1) is flattened"),
        ((LOGITS, OTHER), "of a tuple of 2 the first tensor alone is used"),
        ([None, LOGITS], "of a list of 2 the first tensor alone is used"),
        ({"scores": LOGITS, "features": OTHER}, "of a dict of 2 the first tensor alone is used"),
        ({"features": OTHER, "logits": LOGITS}, "of a dict 'logits' alone is used"),
        (Both(OTHER, LOGITS), "of a Both 'logits' alone is used"),
        (
            (LOGITS[:, :, None, None],),
            "of a tuple of 1 the first tensor alone is used, (n, 3, 1, 1) is flattened",
        ),
    ],
)
def test_takes_the_logits(answer: object, words: str) -> None:
    found, said = scores_in(answer)
    assert isinstance(found, Tensor) and torch.equal(found, LOGITS)
    assert said == words


@pytest.mark.parametrize(
    "answer", [torch.zeros(2, 3, 4, 4), torch.zeros(2), "text", None, [], {}, ((LOGITS,),)]
)
def test_leaves_what_holds_no_logits(answer: object) -> None:
    assert scores_in(answer) == (answer, "") or scores_in(answer)[0] is answer


class Auxiliary(nn.Module):
    """A second head in training."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head, self.aux = nn.Conv2d(1, 8, 3), nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x: Tensor, flat: bool = False) -> Any:
        x = self.conv(x).mean((2, 3))
        return {"out": self.head(x), "aux": self.aux(x)} if self.training else [self.head(x)]


def net() -> nn.Module:
    torch.manual_seed(0)
    return giving_scores(Auxiliary())


IMAGES = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def test_a_net_gives_its_logits_in_both_modes_and_is_otherwise_itself() -> None:
    model, plain = net(), Auxiliary()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model(IMAGES), plain(IMAGES)["out"])
    assert torch.equal(model.eval()(IMAGES), plain.eval()(IMAGES)[0])
    assert isinstance(model, Auxiliary) and type(model).__name__ == "Auxiliary"
    assert list(model.state_dict()) == list(plain.state_dict())
    assert isinstance(own_answer(model, IMAGES), list) and isinstance(model(IMAGES), Tensor)


def test_copies_pickles_and_changed_nets_give_logits_too() -> None:
    model = net().eval()
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    for other in (copy.deepcopy(model), loaded):
        assert torch.equal(other(IMAGES), model(IMAGES))
        assert other.conv.weight is not model.conv.weight
    changed = surgery.convert(copy.deepcopy(model), surgery.uniform(model, "linear", alpha=0.5))
    assert changed(IMAGES).shape == (2, 3) and surgery.factorize(changed)(IMAGES).shape == (2, 3)


def test_is_exported_as_it_is() -> None:
    model = net().eval()
    program = torch.export.export(model, (IMAGES,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    assert torch.allclose(program.module()(IMAGES[:1]), model(IMAGES[:1]), atol=1e-6)


def test_one_class_serves_all_nets_of_a_kind() -> None:
    assert type(net()) is type(net())
    assert type(giving_scores(net())) is type(net())
