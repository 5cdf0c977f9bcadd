"""Answers in float32 that are mostly found in bfloat16, of a model whose errors are made up."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lcsearch.core.metric import ACCURACY
from lcsearch.data import DatasetInfo, Split
from lcsearch.data.answers import answers_of
from lcsearch.train.evaluate import scores_of
from lcsearch.train.sure import LEAD, sure_answers

COUNT, BATCH = 200, 20
INFO = DatasetInfo("numbers", 3, 1, 2, (0.0,), (1 / 255,), False, 0)  # normalised, a pixel is what it was
NUMBERS = torch.arange(COUNT, dtype=torch.uint8)
SPLIT = Split(NUMBERS.view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous(), (NUMBERS % 3).long())
EXACT = torch.randn(COUNT, 3, generator=torch.Generator().manual_seed(3))
SIGNS = torch.randint(0, 2, (COUNT, 3), generator=torch.Generator().manual_seed(4)) * 2.0 - 1


class Table(nn.Module):
    """Gives the scores of a table for the number that an image shows, with errors under bfloat16."""

    def __init__(self, errors: Tensor) -> None:
        super().__init__()
        self._errors, self.asked = errors, list[Tensor]()

    def forward(self, images: Tensor) -> Tensor:
        numbers = images[:, 0, 0, 0].round().long()
        if torch.is_autocast_enabled("cpu"):
            return EXACT[numbers] + self._errors[numbers]
        self.asked.append(numbers)
        return EXACT[numbers]


def doubtful(errors: Tensor, error: float) -> Tensor:
    """Numbers, by NumPy's order of scores, whose best score leads by too little; none of the first batch."""
    ranked = (EXACT + errors).sort(dim=1).values
    return torch.tensor([n for n in range(BATCH, COUNT) if not ranked[n, 2] - ranked[n, 1] > LEAD * error])


def test_answers_are_those_of_float32_and_few_are_asked_for_again() -> None:
    errors = 0.1 * SIGNS
    assert not torch.equal((EXACT + errors).argmax(dim=1), EXACT.argmax(dim=1)), "some errors matter"
    table = Table(errors)
    found = sure_answers(table, SPLIT, INFO, BATCH, "cpu")
    assert torch.equal(found, EXACT.argmax(dim=1))
    wanted = doubtful(errors, 0.1)
    assert torch.equal(table.asked[0], torch.arange(BATCH)), "the first batch says how large errors are"
    assert torch.equal(torch.cat(table.asked[1:]), wanted) and 0 < len(wanted) < COUNT / 2


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_what_is_not_finite_in_bfloat16_is_asked_for_again(wrong: float) -> None:
    errors = 1e-4 * SIGNS
    errors[77] = wrong
    table = Table(errors)
    assert torch.equal(sure_answers(table, SPLIT, INFO, BATCH, "cpu"), EXACT.argmax(dim=1))
    assert 77 in torch.cat(table.asked[1:])


def test_no_image_is_asked_for_again_where_nothing_is_off() -> None:
    table = Table(torch.zeros(COUNT, 3))
    assert torch.equal(sure_answers(table, SPLIT, INFO, BATCH, "cpu"), EXACT.argmax(dim=1))
    assert [len(numbers) for numbers in table.asked] == [BATCH]


def test_a_score_is_the_same_in_either_precision_and_the_mode_is_put_back() -> None:
    table = Table(0.3 * SIGNS).train()
    right = 100 * (EXACT.argmax(dim=1) == SPLIT.labels).double().mean()
    for precision in ("float32", "bfloat16"):
        found = scores_of(table, SPLIT, INFO, [ACCURACY], batch_size=BATCH, precision=precision)  # type: ignore[arg-type]
        assert found[ACCURACY] == pytest.approx(float(right)) and table.training


def test_a_real_net_answers_the_same() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 64, 2), nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)
    ).eval()
    assert torch.equal(
        sure_answers(net, SPLIT, INFO, BATCH, "cpu"), answers_of(net, SPLIT, INFO, BATCH, "cpu")
    )
