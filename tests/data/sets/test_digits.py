from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from lcsearch import data
from lcsearch.core.errors import InputError
from lcsearch.data.sets.digits import DATA_SET


def test_digits_are_all_of_scikit_learns_in_three_disjoint_parts() -> None:
    loaded = data.load("digits")
    with data.final_evaluation():
        parts = (loaded.train, loaded.validation, data.test_split("digits"))
    assert [len(part) for part in parts] == [1150, 288, 359]
    grey = (load_digits().images * 255 / 16).round().astype(np.uint8)
    enlarged = [Image.fromarray(g).resize((32, 32), Image.Resampling.BILINEAR) for g in grey]
    expected = torch.from_numpy(np.stack([np.asarray(e) for e in enlarged])).float().flatten(1)
    got = torch.cat([part.images for part in parts]).float().flatten(1)
    nearest = torch.cdist(got, expected).argmin(dim=1)
    assert nearest.sort().values.tolist() == list(range(1797))
    assert (got - expected[nearest]).abs().max() <= 1
    labels = torch.cat([part.labels for part in parts])
    assert torch.equal(torch.from_numpy(load_digits().target)[nearest], labels)


def test_digits_facts() -> None:
    loaded = data.load("digits")
    info = loaded.info
    facts = (info.num_classes, info.in_channels, info.image_size, info.crop, info.flip)
    assert facts == (10, 1, 32, 4, False)
    pixels = torch.cat([loaded.train.images, loaded.validation.images]).double() / 255
    assert info.mean[0] == pytest.approx(float(pixels.mean()), abs=1e-4)
    assert info.std[0] == pytest.approx(float(pixels.std()), abs=1e-4)


def test_they_lie_in_scikit_learns_folder() -> None:
    import sklearn

    assert data.describe("digits").found == str(Path(sklearn.__file__).parent)


def test_they_are_the_same_wherever_scikit_learn_keeps_them(tmp_path: Path) -> None:
    """Its file is read without it; where there is no such file, it is asked."""
    [folder] = DATA_SET.places(None)
    for part in ("train", "test"):
        there, asked = DATA_SET.read(folder, part), DATA_SET.read(tmp_path, part)
        assert torch.equal(there.labels, asked.labels)
        some = torch.arange(0, len(there.labels), 7)
        assert torch.equal(there.take(some, 32), asked.take(some, 32))
    assert DATA_SET.test_content(folder) == DATA_SET.test_content(tmp_path)


@pytest.mark.slow
def test_a_process_that_reads_them_has_not_imported_scikit_learn() -> None:
    program = "import sys; from lcsearch import data; data.load('digits'); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_scikit_learn_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"^dataset='digits': .*pip install scikit-learn"):
        data.load("digits")
