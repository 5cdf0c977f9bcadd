"""Standard layers: they compute the same in a process that has no lcsearch."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import INFO, SPECS, lively
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.export.formats import conv, onnx
from lcsearch.export.graph import standard_program
from lcsearch.export.source import About

pytestmark = pytest.mark.slow

ABOUT = About("backbone: base\n", INFO)

WITHOUT = """
import sys
sys.modules["lcsearch"] = None
try:
    import lcsearch
except ImportError:
    pass
else:
    raise SystemExit("lcsearch can be imported here")
import numpy as np
from pathlib import Path
folders = [folder for folder in Path(sys.argv[1]).iterdir() if folder.is_dir()]
"""
TORCH = """
import torch
for folder in folders:
    model = torch.export.load(folder / "model.pt2").module()
    for size in (1, 5):
        images = np.load(folder / f"images{size}.npy")
        np.save(folder / f"pt2-{size}.npy", model(torch.from_numpy(images)).detach().numpy())
"""
ONNX = """
sys.modules["torch"] = None
import onnxruntime
for folder in folders:
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    for size in (1, 5):
        images = np.load(folder / f"images{size}.npy")
        np.save(folder / f"onnx-{size}.npy", session.run(["logits"], {"images": images})[0])
"""


def run_elsewhere(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code, str(folder)], capture_output=True, text=True, timeout=240,
        check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def close(got: np.ndarray, expected: np.ndarray) -> bool:
    return float(np.abs(got - expected).max()) <= 1e-4 * float(np.abs(expected).max())


FOLDS = {"sparse": False, "low rank": True, "grouped": True, "separable": True, "basis": True}


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each spec a folder with images, files, and what they compute in two processes without lcsearch."""
    parent = tmp_path_factory.mktemp("standard")
    for spec, fold in FOLDS.items():
        folder, about = parent / spec, replace(ABOUT, fold_batch_norm=fold)
        folder.mkdir()
        model = lively(SPECS[spec])
        for size in (1, 5):
            images = torch.randn(size, *about.image_shape, generator=torch.Generator().manual_seed(size))
            np.save(folder / f"images{size}.npy", images.numpy())
            np.save(folder / f"expected-{size}.npy", model(images).numpy())
        conv.FORMAT.write(model, about, folder / "model.pt2")
        onnx.FORMAT.write(model, about, folder / "model.onnx")
    run_elsewhere(TORCH, parent)
    run_elsewhere(ONNX, parent)
    return parent


@pytest.mark.parametrize("spec", FOLDS)
def test_files_compute_the_same_without_lcsearch(spec: str, computed: Path) -> None:
    for size in (1, 5):
        scores = np.load(computed / spec / f"expected-{size}.npy")
        for kind in ("pt2", "onnx"):
            assert close(np.load(computed / spec / f"{kind}-{size}.npy"), scores), kind


def operators(module: nn.Module, fold: bool) -> list[str]:
    program = standard_program(module, replace(ABOUT, fold_batch_norm=fold))
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("spec", ["low rank", "separable", "basis"])
def test_folding_leaves_no_batch_norm(spec: str) -> None:
    model = lively(SPECS[spec])
    before, after = operators(model, False), operators(model, True)
    assert "aten.batch_norm.default" in before
    assert after == [name for name in before if name != "aten.batch_norm.default"]


class Branches(nn.Module):
    """A convolution that batch norm and a sum both read, one without affine, and one that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Conv2d(1, 1, 3, padding=1)
        self.first, self.second = nn.BatchNorm2d(1), nn.BatchNorm2d(1, affine=False)
        self.read_twice, self.norm = nn.Conv2d(1, 4, 3, padding="same", bias=False), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(self.shared(x)))
        x = torch.relu(self.second(self.shared(x)))
        y = self.read_twice(x)
        return (y + self.norm(y)).mean((2, 3))


def test_only_what_batch_norm_alone_reads_is_folded() -> None:
    torch.manual_seed(0)
    net = Branches()
    for _ in range(3):
        net(torch.randn(8, 1, 16, 16))
    net.eval()
    assert operators(net, True).count("aten.batch_norm.default") == 1
    program = standard_program(net, replace(ABOUT, fold_batch_norm=True))
    images = torch.randn(4, 1, 16, 16)
    assert torch.allclose(program.module()(images), net(images), rtol=1e-4, atol=1e-5)


class Sums(nn.Module):
    """Batch norms of sums: of convolutions, of one twice, of one with another of one channel, with images."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(1, 4, 3, padding=1, bias=bias) for bias in (False, True, True))
        self.one = nn.Conv2d(1, 1, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second, third = self.convs
        twice = second(x)
        sums = [first(x) + (second(x) + third(x)), twice + twice, third(x) + self.one(x), third(x) + x]
        return sum(norm(one).mean((2, 3)) for norm, one in zip(self.norms, sums, strict=True))  # type: ignore[return-value]


def test_batch_norm_of_a_sum_is_folded_into_all_of_it() -> None:
    torch.manual_seed(0)
    net = Sums()
    for _ in range(3):
        net(torch.randn(8, 1, 16, 16) + 1)
    net.eval()
    assert operators(net, True).count("aten.batch_norm.default") == 3
    program = standard_program(net, replace(ABOUT, fold_batch_norm=True))
    images = torch.randn(4, 1, 16, 16)
    assert torch.allclose(program.module()(images), net(images), rtol=1e-4, atol=1e-5)


def test_a_file_names_no_place_of_the_machine_that_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    conv.FORMAT.write(lively(SPECS["sparse"]), ABOUT, path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    here = str(Path(__file__).parents[2]).encode()
    assert not [name for name, data in content.items() if here in data]
    assert any(b"backbone:" in data for name, data in content.items() if name.endswith("config.yaml"))


class Picky(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) if float(x.sum()) > 0 else x.flatten(1) * 2


def test_a_net_that_cannot_be_followed_is_one_clear_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"torch\.export cannot follow this net.*format='weights'") as found:
        standard_program(Picky(), ABOUT)
    assert "\n" not in str(found.value)
    assert capfd.readouterr() == ("", "")


def test_onnx_without_its_packages_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else real(name)
    )
    with pytest.raises(InputError, match=r"needs onnxscript.*pip install 'lcsearch\[onnx\]'"):
        onnx.FORMAT.require()
