"""Trained weights from files."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets import surgery
from lcsearch.nets.weights import load_backbone, pretrained_weights, read_weights


def net(classes: int = 4, channels: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 3, 3),
        nn.BatchNorm2d(3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(3, classes),
    )


def refused(path: Path, model: nn.Module, **options: Any) -> str:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(InputError) as caught:
        read_weights(path, model, **options)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"init='{path}': ")
    return str(caught.value).removeprefix(f"init='{path}': ")


@pytest.mark.parametrize("form", ["safetensors", "plain", "wrapped", "parallel", "half", "old"])
def test_every_form_is_read(form: str, tmp_path: Path) -> None:
    model, path = net(), tmp_path / "weights"
    state = {name: value.clone() for name, value in model.state_dict().items()}
    if form == "safetensors":
        save_file(state, path)
    elif form == "half":
        save_file(
            {name: value.half() if value.is_floating_point() else value for name, value in state.items()},
            path,
        )
    elif form == "old":
        torch.save({name: value for name, value in state.items() if "tracked" not in name}, path)
    elif form == "parallel":
        torch.save({f"module.{name}": value for name, value in state.items()}, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if form == "wrapped" else state, path)
    found = read_weights(path, net()).state
    assert list(found) == list(state)
    for name, value in found.items():
        assert value.dtype == state[name].dtype
        assert torch.allclose(value, state[name], atol=1e-3 if form == "half" else 0)
    net().load_state_dict(found)


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_never_run(tmp_path: Path) -> None:
    path, sprung = tmp_path / "weights.pt", tmp_path / "sprung"
    torch.save({"0.weight": Trap(sprung)}, path)
    for _ in range(2):
        message = refused(path, net())
        assert "could run code" in message and "torch.save(model.state_dict(), FILE)" in message
        assert not sprung.exists()
        path.write_bytes(pickle.dumps({"0.weight": Trap(sprung)}))
    pickle.loads(path.read_bytes())
    assert sprung.exists()  # the trap works


def test_a_whole_model_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save(net(), tmp_path / "model.pt")
    assert "save its state_dict" in refused(tmp_path / "model.pt", net())


def test_missing_and_unexpected_tensors_are_named(tmp_path: Path) -> None:
    state = net().state_dict()
    state["extra"] = state.pop("0.weight")
    save_file(state, tmp_path / "w")
    assert refused(tmp_path / "w", net()) == (
        "does not fit the backbone: lacks 0.weight and has extra, which the backbone has not"
    )


def test_shapes_are_told_as_expected_and_found(tmp_path: Path) -> None:
    save_file(net(channels=3).state_dict(), tmp_path / "w")
    assert refused(tmp_path / "w", net()) == (
        "does not fit the backbone: 0.weight: expected [3, 1, 3, 3], found [3, 3, 3, 3]"
    )


def test_other_classes_need_a_new_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    old, new = net(7), net(4)
    save_file(old.state_dict(), tmp_path / "w")
    assert refused(tmp_path / "w", new) == (
        "is for 7 classes, the data set has 4; new_head=True makes the last layer (4) new"
    )
    found = read_weights(tmp_path / "w", new, new_head=True).state
    assert torch.equal(found["0.weight"], old.state_dict()["0.weight"])
    assert torch.equal(found["4.weight"], new.state_dict()["4.weight"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(bad: float, tmp_path: Path) -> None:
    state = net().state_dict()
    state["1.running_var"][1] = bad
    save_file(state, tmp_path / "w")
    assert refused(tmp_path / "w", net()) == "NaN or infinity in 1.running_var"


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    assert refused(tmp_path / "none", net()) == "no such file"
    assert refused(tmp_path, net()) == "is a folder"
    (tmp_path / "text").write_text("hello")
    assert "neither a safetensors file nor a saved state_dict" in refused(tmp_path / "text", net())
    (tmp_path / "empty").write_bytes(b"")
    assert "damaged" in refused(tmp_path / "empty", net())
    torch.save(net().state_dict(), tmp_path / "cut")
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:500])
    assert "is damaged" in refused(tmp_path / "cut", net())
    torch.save([1, 2], tmp_path / "list")
    assert refused(tmp_path / "list", net()) == "holds a list; it must be a state_dict"
    torch.save({"lr": 0.1}, tmp_path / "numbers")
    assert refused(tmp_path / "numbers", net()) == "holds no tensors by name, only lr"


def test_a_start_folder_gives_its_backbone(tmp_path: Path) -> None:
    spec = ModelSpec("base", 4, 1, 0.25)
    model = surgery.build_model(spec)
    save_file(model.state_dict(), tmp_path / "backbone.safetensors")
    drawn = torch.get_rng_state()
    layered = ModelSpec("base", 4, 1, 0.25, {"features.4": LinearSpec(0.25)})
    found = load_backbone(layered, tmp_path)
    assert torch.equal(torch.get_rng_state(), drawn) and not found.training
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in found.state_dict().items())
    with pytest.raises(InputError, match="no such file"):
        load_backbone(spec, tmp_path / "other")


def test_pretrained_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for torchvision:NAME and timm:NAME only, not for base"):
        pretrained_weights("base", net())
    with pytest.raises(InputError, match="trained on 3 channels; the images have 1"):
        pretrained_weights("torchvision:resnet18", net())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(*args: Any, **options: Any) -> Any:
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    name = "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth"
    tried = f"tried {name} and the folder {tmp_path}/hub/checkpoints (TORCH_HOME); without a network give "
    said = f"cannot be had: OSError: no network; {tried}a file of weights, init='FILE', or use init='trained'"
    with pytest.raises(InputError, match=re.escape(said)):
        pretrained_weights("torchvision:squeezenet1_1", net(channels=3))
