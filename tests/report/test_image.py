from __future__ import annotations

import sys

import pytest
from chromium import needs_chromium
from hand_made import make_run, make_trial

from lcsearch.core.errors import InputError
from lcsearch.report.image import PIXELS, PNG_SCALE, chosen_figures, write_images


@pytest.mark.browser
@needs_chromium
def test_png_and_svg_of_a_plot(example, tmp_path):
    figure = chosen_figures(example, ["front"])["front"]
    write_images({tmp_path / "new" / "front.png": figure}, "png")
    write_images({tmp_path / "front.svg": figure}, "svg")
    content = (tmp_path / "new" / "front.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") == PNG_SCALE * PIXELS[0]
    assert "uniform alpha" in (tmp_path / "front.svg").read_text()


def test_names(example):
    assert len(chosen_figures(example, ["all"])) == 9
    with pytest.raises(InputError, match=r"there is no plot 'fron'; did you mean 'front'"):
        chosen_figures(example, ["fron"])


def test_a_plot_that_the_run_has_nothing_for():
    run = make_run(make_trial(0, 93.0))
    with pytest.raises(InputError, match="has nothing for 'importance' yet"):
        chosen_figures(run, ["importance"])


def test_kaleido_missing_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(InputError, match=r"pip install 'lcsearch\[image\]'"):
        write_images({tmp_path / "a.png": None}, "png")


def test_unwritable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not writable"):
        write_images({tmp_path / "file" / "a.png": None}, "png")
    with pytest.raises(InputError, match="not writable"):
        write_images({tmp_path: None}, "png")
