from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from lcsearch.core import torch_private

Removed = Callable[[object, str], ModuleType]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Removed]:
    """Imports the module again where an attribute of PyTorch is gone."""

    def remove(owner: object, name: str) -> ModuleType:
        monkeypatch.delattr(owner, name)
        again = importlib.reload(torch_private)
        monkeypatch.undo()
        return again

    yield remove
    importlib.reload(torch_private)


def test_a_version_changes_with_each_change_in_place_and_only_then() -> None:
    tensor = torch.zeros(2)
    before = torch_private.version(tensor)
    assert torch_private.version(tensor) == before
    tensor.add_(1)
    assert torch_private.version(tensor) != before


def test_versions_that_cannot_be_told_are_never_the_same() -> None:
    tensor = SimpleNamespace()
    assert torch_private.version(tensor) != torch_private.version(tensor)  # type: ignore[arg-type]


def check_lerp(module: ModuleType) -> None:
    means, lives = [torch.tensor([0.0, 4.0]), torch.tensor([8.0])], [torch.tensor([4.0, 0.0]), torch.zeros(1)]
    module.lerp_all(means, lives, 0.25)
    assert [mean.tolist() for mean in means] == [[1.0, 3.0], [6.0]]


def test_lists_move_a_share_of_the_way() -> None:
    check_lerp(torch_private)


def test_lists_move_one_by_one_where_there_is_no_call_for_all(without: Removed) -> None:
    module = without(torch, "_foreach_lerp_")
    assert module.lerp_all.__module__ == torch_private.__name__
    check_lerp(module)


def test_transforms_are_seen() -> None:
    seen: list[bool] = []
    assert not torch_private.transforms_active()
    torch.func.vmap(lambda x: (seen.append(torch_private.transforms_active()), x)[1])(torch.zeros(2))
    assert seen == [True]


def test_transforms_that_cannot_be_seen_are_taken_to_be_there(without: Removed) -> None:
    assert without(torch._C, "_are_functorch_transforms_active").transforms_active()


def test_hooks_are_dropped_where_they_can_be() -> None:
    calls: list[str] = []
    module = nn.Identity()
    module.register_forward_hook(lambda *_: calls.append("after"))
    module.register_forward_pre_hook(lambda *_: calls.append("before"))
    torch_private.drop_hooks(module)
    module(torch.zeros(1))
    assert calls == []
    torch_private.drop_hooks(SimpleNamespace())  # type: ignore[arg-type]
