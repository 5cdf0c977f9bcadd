"""The front against trainable numbers, and where else these are told apart from what is stored."""

from __future__ import annotations

from dataclasses import replace

import optuna
from hand_made import make_run, make_trial

from lcsearch.core.config import config_text
from lcsearch.core.records import LayerCount, TrialRecord
from lcsearch.report.plots.front_trainable import PLOT
from lcsearch.report.words import trial_words
from lcsearch.runs.choose import choose, source_of
from lcsearch.runs.store import Proposal, Store
from lcsearch.runs.summary import summary
from lcsearch.search.limits import Limits
from lcsearch.search.sampler_view import SamplerView


def trial(number: int, accuracy: float, params: int, frozen: int = 0) -> TrialRecord:
    """Its second layer stores so many numbers that do not train."""
    layers = (
        LayerCount("a", "conv", 100, 1),
        LayerCount("b", "basis", params - 100, 1, {"filters": 3}, params - 100 - frozen if frozen else None),
    )
    return replace(make_trial(number, accuracy, params), layers=layers)


RUN = make_run(
    replace(trial(0, 90.0, 2000), origin="baseline"),
    trial(1, 89.0, 1000, frozen=200),
    trial(2, 88.0, 1200, frozen=900),
)


def test_the_front_is_of_trainable_numbers() -> None:
    data = PLOT.data(RUN)
    assert data is not None and data.size == "trainable"
    assert [(p.trial, p.size("trainable")) for p in data.front] == [(2, 300), (1, 800), (0, 2000)]
    assert [(p.trial, p.size("params")) for p in data.front] == [(2, 1200), (1, 1000), (0, 2000)]
    figure = PLOT.figure(data)
    assert figure.layout.xaxis.title.text == "trainable numbers"
    assert [trace.x for trace in figure.data if trace.meta == "front"] == [(300, 800, 2000)]


def test_where_all_that_is_stored_trains_there_is_no_such_plot() -> None:
    assert PLOT.data(make_run(trial(0, 90.0, 2000))) is None


def test_words_numbers_and_configs_say_it_where_it_is_another_number() -> None:
    assert "800 trainable of 1.00k parameters, 10.0k MACs" in trial_words(RUN.trials[1])
    assert "2.00k parameters, 20.0k MACs" in trial_words(RUN.trials[0])
    rows = {row["trial"]: row for row in summary(RUN)["front"]}
    assert rows[1]["trainable"] == 800 and "trainable" not in rows[0]
    for number, said in ((1, True), (0, False)):
        source = source_of(RUN, choose(RUN.trials, RUN.baseline, trial=number))
        assert ("trainable: 800" in config_text(RUN.trials[number].spec, source)) == said


def test_it_is_recorded_and_shown_to_samplers_as_an_objective() -> None:
    objectives = ("accuracy", "trainable")
    record = replace(RUN.trials[1], number=0)
    proposal = Proposal({"x": 0.5}, {"x": optuna.distributions.FloatDistribution(0, 1)})
    storage = optuna.storages.InMemoryStorage()
    Store(storage, objectives).begin(record, proposal)
    view = SamplerView(objectives, Limits(None, None), {})
    view.add(record, proposal)
    for (trial,) in (storage.get_all_trials(0), view.study.trials):
        assert trial.values == [89.0, 800.0]
