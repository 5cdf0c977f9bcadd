from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from lcsearch.compress.sensitivity import Row, Sensitivity
from lcsearch.compress.thin_sensitivity import ChannelRow
from lcsearch.layers.families.linear import FAMILY
from lcsearch.report.sensitivity import columns_of, render_sensitivity, sensitivity_figure

EVIL = "<b>features.0"


def row(
    layer: str, params: int, alpha: float, rank: int | None, ratio: float | None, *measured: float
) -> Row:
    way = FAMILY.read_way({"alpha": alpha, "rank": rank, "ratio": ratio}, params)
    return Row(layer, way, *measured)


FOUND = Sensitivity(
    2.2,
    90.123,
    1000,
    (
        row(EVIL, 5000, 0.5, None, None, 2.3, 80.0, 0.1),
        row(EVIL, 2000, 0.25, 4, 0.5, 2.4, 70.0, 0.001),
        row("features.4", 9000, 0.4921875, None, None, 2.25, 89.0, 0.00001),
    ),
)


def test_columns_are_ways_to_compress_that_layers_share():
    # 0.4921875 = 63/128 is about 1/2: one column for both layers.
    assert columns_of(FOUND.rows) == ["1/2", "1/4, rank 1/2 p"]


def test_the_heat_map_is_of_logarithms():
    (heat,) = sensitivity_figure(FOUND).data
    assert [list(row) for row in heat.z] == [[-1.0, -3.0], [-4.0, None]]  # 0.00001 is drawn as 0.0001
    assert [list(row) for row in heat.text] == [["0.10", "0.001"], ["1e-05", ""]]
    assert list(heat.x) == ["1/2", "1/4, rank 1/2 p"]


def test_the_page_has_the_numbers_and_escapes_names():
    page = render_sensitivity(FOUND, "vgg11 on <digits>")
    cells = re.findall(r"<td>(.*?)</td>", page)
    escaped = "&lt;b&gt;features.0"
    assert cells[:7] == [escaped, "1/2", "full", "5.00k", "2.3000", "80.00 %", "0.10"]
    assert cells[7:10] == [escaped, "1/4", "rank 4"]
    assert "<h1>vgg11 on &lt;digits&gt;</h1>" in page
    assert "<b>" not in page.split("<script>")[0]
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data)["figures"]["sensitivity"]["data"][0]["y"][0] == escaped
    assert "backbone: 90.12 %, loss 2.2000" in page


@pytest.mark.parametrize(("alpha", "column"), [(0.5, "1/2"), (0.51, "1/2"), (0.45, "0.42"), (1 / 64, "1/64")])
def test_alphas_are_rounded_to_quarter_octaves(alpha, column):
    assert columns_of([row("a", 1, alpha, None, None, 1.0, 1.0, 1.0)]) == [column]


def test_channels_stand_beside_what_compresses_layers():
    thin = (
        ChannelRow("features.4", 64, 128, 300_000, 2.3, 88.0, 0.01),
        ChannelRow("features.4", 32, 128, 200_000, 2.4, 80.0, 0.1),
    )
    found = replace(FOUND, channels=thin)
    (heat,) = sensitivity_figure(found).data
    assert list(heat.x) == ["1/2", "1/4, rank 1/2 p", "channels 1/2", "channels 1/4"]
    assert [list(line) for line in heat.z] == [[-1.0, -3.0, None, None], [-4.0, None, -2.0, -1.0]]
    assert "64 of 128 channels: 300k parameters in all" in heat.hovertext[1][2]
    page = render_sensitivity(found, "base on digits")
    assert "32 of 128" in page and "200k in all" in page
