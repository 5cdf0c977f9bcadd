"""What hand-picked models are called: by the families of their layers."""

from __future__ import annotations

from hand_made import make_run, make_trial

from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.report.kinds import kind_names, thinner_family
from lcsearch.report.plots.front import front, front_figure
from lcsearch.report.verdict import verdict

BACKBONE = make_trial(0, 93.0, 9_000_000, "baseline")
ALPHA = make_trial(1, 91.0, 300_000, "uniform", layers={"a": LinearSpec(0.5)})
TERMS = make_trial(2, 91.5, 300_000, "uniform", layers={"a": SeparableSpec(2)})
THINNER = [
    make_trial(3, 92.0, 600_000, "uniform thinner", layers={"a": SeparableSpec(1), "b": SeparableSpec(1)}),
    make_trial(4, 90.0, 300_000, "uniform thinner", layers={"a": SeparableSpec(1)}),
    make_trial(5, 89.0, 300_000, "thinner"),
]


def test_uniform_models_are_named_by_the_families_that_there_are() -> None:
    assert kind_names(make_run(BACKBONE))["uniform"] == "uniform alpha"
    assert kind_names(make_run(BACKBONE, ALPHA))["uniform"] == "uniform alpha"
    assert kind_names(make_run(BACKBONE, TERMS))["uniform"] == "uniform separable"
    assert kind_names(make_run(BACKBONE, ALPHA, TERMS))["uniform"] == "uniform alpha or separable"


def test_thinner_nets_are_named_by_their_family() -> None:
    run = make_run(BACKBONE, *THINNER)
    assert kind_names(run)["uniform thinner"] == "a thinner net of separable layers"
    assert thinner_family(run) == "separable" and thinner_family(make_run(BACKBONE)) == ""


def test_the_verdict_compares_with_them() -> None:
    """At 300k the search has 89.5 %: thinner nets have 89.0, of separable layers 90.0."""
    found = verdict(make_run(BACKBONE, *THINNER, make_trial(6, 89.5, 300_000), make_trial(7, 91.5, 600_000)))
    assert found.against == {"by hand": "not beaten", "thinner": "beat", "uniform thinner": "not beaten"}
    assert "The search did not beat the best models picked by hand." in found.sentences
    assert "The search beat a thinner net." in found.sentences
    alone = verdict(make_run(BACKBONE, *THINNER[:2], make_trial(6, 89.5, 300_000)))
    assert "The search did not beat a thinner net of separable layers." in alone.sentences


def test_they_have_a_line_of_their_own_on_the_front() -> None:
    data = front(make_run(BACKBONE, ALPHA, *THINNER), "params")
    assert [point.trial for point in data.uniform_thinner] == [4, 3, 0]
    assert [point.trial for point in data.thinner] == [5, 0]
    traces = {trace.meta: trace for trace in front_figure(data).data}
    assert traces["uniform thinner"].name == "thinner net, separable layers"
    looks = [
        (trace.marker.symbol, trace.line.dash) for kind, trace in traces.items() if "lines" in trace.mode
    ]
    assert len(set(looks)) == len(looks)
