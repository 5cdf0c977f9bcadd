from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.report.plots.profile import Spent, spent, spent_figure

RUN = make_run(
    make_trial(0, 93.0, spent={"other": 30.0, "forward": 60.0, "waiting": 30.0}),
    make_trial(1, 92.0),
    make_trial(2, None, state="failed", spent={"forward": 120.0}),
)


def test_seconds_by_phase_in_their_order_without_those_that_took_nothing() -> None:
    data = spent(RUN)
    assert data == Spent((0, 2), {"forward": (60.0, 120.0), "waiting": (30.0, 0.0), "other": (30.0, 0.0)})
    assert list(data.seconds) == ["forward", "waiting", "other"]
    assert spent(make_run(make_trial(1, 92.0))) is None


def test_the_pieces_of_a_bar_are_its_minutes_and_the_legend_has_the_shares() -> None:
    figure = spent_figure(spent(RUN))
    assert [trace.name for trace in figure.data] == ["forward 75.0 %", "waiting 12.5 %", "other 12.5 %"]
    assert [list(trace.y) for trace in figure.data] == [[1.0, 2.0], [0.5, 0.0], [0.5, 0.0]]
    assert {tuple(trace.customdata) for trace in figure.data} == {(0, 2)}
    assert figure.layout.barmode == "stack" and figure.layout.yaxis.title.text.startswith("minutes")
