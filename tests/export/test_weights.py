"""Weights files: nothing is lost, and they are as small as the parameters are."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from small_runs import INFO, SPARSE, SPECS, everywhere, lively
from torch import nn

import lcsearch
from lcsearch.core.config import config_text
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.export.formats import weights
from lcsearch.export.packed import pack, unpack
from lcsearch.export.source import About
from lcsearch.layers import LinearConv2d
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.nets.surgery import build_model, compress
from lcsearch.nets.tensors import restore

IMAGES = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_a_written_model_loads_with_every_number(model: nn.Module, about: About, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    weights.FORMAT.write(model, about, path)
    loaded = lcsearch.load_model(path)
    assert not loaded.training
    before, after = model.state_dict(), loaded.state_dict()
    assert list(before) == list(after)
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype
        expected = tensor
        if name.endswith("coefficients") and name.replace("coefficients", "mask") in before:
            expected = tensor * before[name.replace("coefficients", "mask")]
        assert torch.equal(expected, after[name]), name
    with torch.no_grad():  # with gradients, layers may compute otherwise where they are frozen in one of them
        assert torch.equal(model(IMAGES), loaded(IMAGES))


def bytes_needed(model: nn.Module) -> tuple[int, int]:
    """Bytes of numbers and bytes of mask bits, counted from the bare tensors."""
    numbers = sum(t.numel() for t in model.parameters())
    numbers += sum(t.numel() for n, t in model.named_buffers() if not n.endswith(("mask", "order")))
    masks = [t for n, t in model.named_buffers() if n.endswith("mask")]
    numbers -= sum(int((~mask).sum()) for mask in masks)
    return 4 * numbers, -(-sum(mask.numel() for mask in masks) // 8)


@pytest.mark.parametrize("backbone", ["base", "mobilenetv2", "resnext29"])
def test_a_file_is_as_small_as_its_parameters(backbone: str, tmp_path: Path) -> None:
    spec = everywhere(backbone, SPARSE)
    model = lively(spec)
    path = tmp_path / "best.safetensors"
    weights.FORMAT.write(model, About(config_text(TrialSpec(spec)), INFO), path)
    numbers, bits = bytes_needed(model)
    assert bits > 0
    assert numbers + bits < path.stat().st_size <= numbers + bits + 16 * 1024


def test_banks_that_come_from_a_seed_are_not_in_the_file(tmp_path: Path) -> None:
    """Beside the parameters it holds the bank that was fitted, and what batch norms noted."""
    spec, path = SPECS["basis"], tmp_path / "best.safetensors"
    model = lively(spec)
    weights.FORMAT.write(model, About(config_text(TrialSpec(spec)), INFO), path)
    numbers = sum(tensor.numel() for tensor in (*model.parameters(), model.get_buffer("features.4.bank")))
    noted = sum(t.numel() for name, t in model.named_buffers() if not name.endswith("bank"))
    assert 4 * (numbers + noted) < path.stat().st_size <= 4 * (numbers + noted) + 16 * 1024
    banks = sum(model.get_buffer(f"features.{place}.bank").numel() for place in (0, 12))
    assert 4 * banks > 2 * 16 * 1024


def test_the_spec_can_be_read_without_lcsearch(tmp_path: Path) -> None:
    spec = everywhere("base", SPARSE, 0.25)
    path = tmp_path / "best.safetensors"
    weights.FORMAT.write(lively(spec), About(config_text(TrialSpec(spec)), INFO), path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    texts = json.loads(content[8 : 8 + length])["__metadata__"]
    assert "backbone: base" in texts["config"]
    assert json.loads(texts["input"])["mean"] == [0.3]


def test_the_order_of_channels_survives() -> None:
    torch.manual_seed(3)
    conv = nn.Conv2d(4, 12, 3)
    layer = compress(conv, {"": LinearSpec(0.25)})
    assert isinstance(layer, LinearConv2d) and layer.permuted
    state = unpack(*pack(layer), "file")
    other = compress(nn.Conv2d(4, 12, 3), {"": LinearSpec(0.25)})
    restore(other, state, "file")
    image = torch.rand(2, 4, 8, 8)
    assert torch.equal(layer(image), other(image))


def test_a_shared_tensor_is_stored_once() -> None:
    def make() -> nn.Sequential:
        net = nn.Sequential(nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 50))
        net[2].weight = net[0].weight
        return net

    net, other = make(), make()
    tensors, table = pack(net)
    assert sum(t.numel() for t in tensors.values()) == 50 * 50 + 2 * 50
    restore(other, unpack(tensors, table, "file"), "file")
    assert torch.equal(net[0].weight, other[0].weight) and other[2].weight is other[0].weight


def test_whole_numbers_too_large_for_four_bytes_stay_whole() -> None:
    net = nn.BatchNorm2d(2)
    net.num_batches_tracked.fill_(2**40)  # type: ignore[union-attr]
    other = nn.BatchNorm2d(2)
    restore(other, unpack(*pack(net), "file"), "file")
    assert other.num_batches_tracked == 2**40


@pytest.fixture
def written(tmp_path: Path) -> Path:
    spec = everywhere("base", SPARSE, 0.25)
    path = tmp_path / "best.safetensors"
    weights.FORMAT.write(lively(spec), About(config_text(TrialSpec(spec)), INFO), path)
    return path


def test_what_is_no_weights_file_is_one_clear_line(written: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    text = tmp_path / "text.safetensors"
    text.write_text("hello, this is not what you are looking for")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(written.read_bytes()[:-100])
    bare = tmp_path / "bare.safetensors"
    save_file({"w": torch.zeros(3)}, bare)
    newer = tmp_path / "newer.safetensors"
    save_file({"w": torch.zeros(3)}, newer, metadata={"lcsearch": "2"})
    for path, reason in (
        (text, "is no safetensors file"),
        (cut, "is no safetensors file, or is damaged"),
        (bare, "holds no lcsearch spec"),
        (newer, "version '2' is not '1'"),
        (tmp_path / "none.safetensors", "no such file"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(InputError, match=reason) as found:
            lcsearch.load_model(path)
        assert str(path) in str(found.value) and "\n" not in str(found.value)


def test_a_table_that_does_not_fit_is_damage() -> None:
    tensors, table = pack(nn.Linear(3, 2))
    with pytest.raises(InputError, match="file: is damaged"):
        unpack({"float32": tensors["float32"][:-1]}, table, "file")
    with pytest.raises(InputError, match="file: is damaged"):
        unpack({"float32": torch.zeros(9)}, table, "file")
    with pytest.raises(InputError, match="file: is damaged"):
        unpack(tensors, "nonsense", "file")


def test_weights_of_another_model_are_refused_and_change_nothing() -> None:
    model = build_model(ModelSpec("base", 10, 1, 0.25))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for other, reason in (
        (ModelSpec("base", 10, 1, 0.5), "shape"),
        (everywhere("base", SPARSE, 0.25), "it has no"),
        (ModelSpec("allconv", 10, 1, 0.25), "it has no"),
    ):
        with pytest.raises(InputError, match=f"w: holds the weights of another model.*{reason}"):
            restore(model, build_model(other).state_dict(), "w")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
