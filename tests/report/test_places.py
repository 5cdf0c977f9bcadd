from __future__ import annotations

import plotly.graph_objects as go

from lcsearch.report.drawing import Drawing
from lcsearch.report.places import Place, sections


def drawing(name: str, beside: str = "", figure: go.Figure | None = None) -> Drawing:
    return Drawing(name, f"title of {name}", f"words of {name}", figure, beside, f"to {name}")


def test_plots_that_share_a_section():
    tall = go.Figure(layout={"height": 300})
    made = sections([drawing("a", figure=tall), drawing("b"), drawing("c", "a", go.Figure())])
    assert [(s.title, s.words) for s in made] == [
        ("title of a", "words of a"),
        ("title of b", "words of b"),
    ]
    assert made[0].figures == (Place("a", "to a", 300), Place("c", "to c", None))
    assert made[1].figures == ()


def test_no_plot_is_lost():
    alone = sections([drawing("a", "there is no such plot"), drawing("b", "a"), drawing("c", "c")])
    assert [s.title for s in alone] == ["title of a", "title of b", "title of c"]
