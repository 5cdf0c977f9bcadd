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


def check_copy(module: ModuleType) -> None:
    into, of = [torch.zeros(2), torch.tensor(3)], [torch.tensor([1.0, 2.0]), torch.tensor(7)]
    module.copy_all(into, of)
    assert [tensor.tolist() for tensor in into] == [[1.0, 2.0], 7]


def test_lists_become_others() -> None:
    check_copy(torch_private)


def test_lists_become_others_one_by_one_where_there_is_no_call_for_all(without: Removed) -> None:
    module = without(torch, "_foreach_copy_")
    assert module.copy_all.__module__ == torch_private.__name__
    check_copy(module)


def test_transforms_are_seen() -> None:
    seen: list[bool] = []
    assert not torch_private.transforms_active()
    torch.func.vmap(lambda x: (seen.append(torch_private.transforms_active()), x)[1])(torch.zeros(2))
    assert seen == [True]


def test_transforms_that_cannot_be_seen_are_taken_to_be_there(without: Removed) -> None:
    assert without(torch._C, "_are_functorch_transforms_active").transforms_active()


@pytest.mark.parametrize(
    ("register", "kind"),
    [
        ("register_forward_hook", "forward"),
        ("register_forward_pre_hook", "forward_pre"),
        ("register_full_backward_hook", "backward"),
        ("register_full_backward_pre_hook", "backward_pre"),
        ("register_state_dict_post_hook", "state_dict"),
        ("register_load_state_dict_pre_hook", "load_state_dict_pre"),
    ],
)
def test_every_kind_of_hook_is_seen_until_it_is_removed(register: str, kind: str) -> None:
    module = nn.Identity()
    assert torch_private.hooks_of(module) == []
    handle = getattr(module, register)(lambda *_: None)
    assert torch_private.hooks_of(module) == [kind]
    handle.remove()
    assert torch_private.hooks_of(module) == []


def test_the_sizes_that_a_view_took_and_gave() -> None:
    view = torch.zeros(2, 3, 4, 5, requires_grad=True).flatten(1)
    assert torch_private.sizes_of(view.grad_fn) == ((2, 3, 4, 5), (2, 60))
    assert torch_private.sizes_of(object()) is None
