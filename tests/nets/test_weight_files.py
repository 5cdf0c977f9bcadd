"""Weights are found in whatever file other programs leave them in, and a line says which were taken."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import weight_files as files
from safetensors.torch import save
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.nets.weights import read_weights


@pytest.fixture
def net() -> nn.Module:
    made = files.Leaf()
    made.load_state_dict(files.first(made))
    return made


def read(path: Path, model: nn.Module | None = None) -> str:
    """What is said; the tensors are compared with those that were written."""
    found = read_weights(path, model or files.Leaf())
    expected = files.first(model or files.Leaf())
    assert list(found.state) == list(expected)
    assert all(torch.equal(found.state[name], value) for name, value in expected.items())
    return found.said.removeprefix(f"{path.name}: ")


def refused(path: Path, model: nn.Module | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_weights(path, model or files.Leaf())
    return str(caught.value).removeprefix(f"init='{path}': ")


@pytest.mark.parametrize("form", files.PICKLED)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_any_form_is_read(form: str, zipped: bool, net: nn.Module, tmp_path: Path) -> None:
    content, said = files.PICKLED[form]
    torch.save(content(net), tmp_path / "w.ckpt", _use_new_zipfile_serialization=zipped)
    assert read(tmp_path / "w.ckpt") == said


@pytest.mark.parametrize("form", files.SAFE)
def test_prefixes_are_stripped_in_safetensors_too(form: str, net: nn.Module, tmp_path: Path) -> None:
    prefix, said = files.SAFE[form]
    files.write_safe(files.with_prefix(net.state_dict(), prefix), tmp_path / "w")
    assert read(tmp_path / "w") == said


@pytest.mark.parametrize("name", ["module", "model", "net", "_orig_mod"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_net_keeps_names_that_look_like_a_prefix(name: str, prefix: str, tmp_path: Path) -> None:
    owner = nn.Module()
    owner.add_module(name, files.Leaf())
    owner.load_state_dict(files.first(owner))
    files.write_safe(files.with_prefix(owner.state_dict(), prefix), tmp_path / "w")
    torch.save(files.with_prefix(owner.state_dict(), prefix), tmp_path / "w.pth")
    said = f"taken: names that begin with {prefix!r}" if prefix else ""
    assert read(tmp_path / "w", owner) == read(tmp_path / "w.pth", owner) == said


def test_what_nearly_fits_is_told_with_where_it_lies(net: nn.Module, tmp_path: Path) -> None:
    state = files.with_prefix(net.state_dict(), "net.")
    state["fc.bias"] = state.pop("net.fc.bias")
    torch.save({"last": state}, tmp_path / "w")
    assert refused(tmp_path / "w") == (
        "does not fit the backbone: lacks fc.bias "
        "(taken: last, names that begin with 'net.'; left out: fc.bias)"
    )


@pytest.mark.parametrize("own", [torch.tensor(2.0), torch.arange(3)])
def test_tensors_that_the_net_lacks_are_not_left_out(
    own: torch.Tensor, net: nn.Module, tmp_path: Path
) -> None:
    torch.save(dict(net.state_dict(), own=own), tmp_path / "w")
    assert "has own, which the backbone has not" in refused(tmp_path / "w")


def test_of_the_same_names_those_are_taken_that_have_the_shapes(net: nn.Module, tmp_path: Path) -> None:
    wide = {name: torch.stack([value, value]) for name, value in net.state_dict().items()}
    state = files.with_prefix(wide, "first.") | files.with_prefix(net.state_dict(), "second.")
    files.write_safe(state, tmp_path / "w")
    assert read(tmp_path / "w").startswith("taken: names that begin with 'second.'; left out: first.")


def test_no_file_of_safetensors_is_taken_for_a_pickle(tmp_path: Path) -> None:
    """Names of such lengths make headers whose length begins as pickles and zip archives do."""
    path, starts = tmp_path / "w", set[bytes]()
    for length in (*range(560, 1400, 8), *range(19_190, 19_290, 8)):
        model = nn.Module()
        model.register_parameter("x" * length, nn.Parameter(torch.full((1,), float(length))))
        path.write_bytes(save(model.state_dict()))
        starts.add(path.read_bytes()[:2])
        assert float(read_weights(path, model).state["x" * length]) == length
    assert starts >= {b"PK", b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"}


class Runs:
    """Calls anything when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("allowed", [False, True])
def test_no_call_in_a_file_is_made(allowed: bool, net: nn.Module, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    inner = Runs(os.mkdir, str(sprung))
    trap = Runs(dict, [("a", inner)]) if allowed else inner
    torch.save(net.state_dict() | {"note": trap}, tmp_path / "w")
    assert "(posix.mkdir)" in refused(tmp_path / "w") or os.name != "posix"
    assert not sprung.exists()
    pickle.loads(pickle.dumps(trap))
    assert sprung.exists()  # the trap works


def test_classes_that_are_not_allowed_are_named(net: nn.Module, tmp_path: Path) -> None:
    torch.save(net.state_dict() | {"net": net}, tmp_path / "w")
    message = refused(tmp_path / "w")
    assert "(weight_files.Leaf)" in message and "torch.save(model.state_dict(), FILE)" in message


def test_a_scripted_model_is_named_with_the_way_out(net: nn.Module, tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(net), tmp_path / "w.pt")
    assert refused(tmp_path / "w.pt").startswith("is a scripted model")
    torch.save(torch.jit.load(tmp_path / "w.pt").state_dict(), tmp_path / "other")
    assert read(tmp_path / "other") == ""


def test_an_archive_of_something_else_is_refused(net: nn.Module, tmp_path: Path) -> None:
    torch.export.save(torch.export.export(net, (torch.ones(2, 1, 9, 9),)), tmp_path / "w.pt2")
    assert refused(tmp_path / "w.pt2").startswith("is an archive of something else than weights; save its")


def test_a_file_without_tensors_by_name_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "shadow": [torch.ones(2)]}, tmp_path / "w")
    assert refused(tmp_path / "w") == "holds no tensors by name, only epoch, shadow"
