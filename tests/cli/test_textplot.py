"""The plot of characters: where each trial lies, worked out by hand."""

from __future__ import annotations

from hand_made import make_trial
from invented_runs import invented_run

from lcsearch.cli.textplot import HEIGHT, WIDTH, text_plot

BASELINE = make_trial(0, 93.0, 10_000, "baseline")
TRIALS = (
    BASELINE,
    make_trial(1, 90.0, 100, "thinner"),
    make_trial(2, 91.4, 1_000, "uniform"),
    make_trial(3, 92.0, 1_000),
    make_trial(4, 83.0, 100),
    make_trial(5, 82.9, 5_000),
)
"""Two decades of params and 10 points of accuracy; only the last one lies below what is drawn."""


def cells(plot: str, height: int) -> list[str]:
    """The rows of the plot itself, without labels and edge."""
    return [line[8:] for line in plot.splitlines()[:height]]


def test_places_by_hand():
    # 21 columns: 10 to a decade. 11 rows: one to a point of accuracy.
    plot = text_plot(TRIALS, width=21, height=11)
    expected = [""] * 11
    expected[0] = " " * 20 + "B"  # 93 % of 10,000 params: top right
    expected[1] = " " * 10 + "o"  # 92 %, 1,000 params: the middle
    expected[2] = " " * 10 + "u"  # 91.4 % is nearest to 91
    expected[3] = "t"  # 90 %, 100 params: on the front too, but a hand-picked model says what it is
    expected[10] = "·"
    assert cells(plot, 11) == expected


def test_labels_by_hand():
    lines = text_plot(TRIALS, width=21, height=11).splitlines()
    assert [lines[row][:8] for row in (0, 5, 10)] == [" 93.0 %┤", " 88.0 %┤", " 83.0 %┤"]
    assert lines[11] == "       └┴─────────┴─────────┴"
    assert lines[12].split() == ["100", "1.00k", "10.0k"]
    assert lines[13] == " " * 8 + "o front  · searched  u uniform  t thinner  B backbone"


def test_the_legend_names_only_what_is_drawn():
    lines = text_plot([BASELINE, make_trial(1, 90.0, 100, "thinner")]).splitlines()
    assert lines[-1] == " " * 8 + "t thinner  B backbone"


def test_it_fits_80_columns():
    lines = text_plot(invented_run(200).trials).splitlines()
    assert len(lines) == HEIGHT + 3
    assert max(map(len, lines)) <= WIDTH + 8 < 80


def test_ascii():
    drawn = text_plot(TRIALS, width=21, height=11, ascii_only=True)
    assert drawn.isascii()
    assert drawn.splitlines()[10].endswith("|.")


def test_nothing_to_draw():
    assert text_plot(()) == ""
    assert text_plot([BASELINE]) == ""


def test_trials_without_a_result_of_their_own_are_not_drawn():
    others = [
        make_trial(1, None, 100, state="pruned", epochs=(90.0,)),
        make_trial(2, None, 100, state="failed"),
        make_trial(3, 93.0, 10_000, duplicate_of=0),
    ]
    assert text_plot([BASELINE, *others]) == ""


def test_equal_trials_share_one_place():
    plot = text_plot([make_trial(0, 90.0), make_trial(1, 90.0)], width=21, height=11)
    assert "".join(cells(plot, 11)).count("o") == 1
