from __future__ import annotations

from dataclasses import replace

from hand_made import make_run, make_trial

from lcsearch.core.screened import Looked, Screened
from lcsearch.report.plots.screening import PLOT, Candidate, Candidates, candidates, candidates_figure

FIRST, SECOND, SCRATCH = (make_trial(number, 92.0) for number in (4, 5, 6))
LEFT, SEEN = Looked(50, 40.0, 25), Looked(70, 61.0, 100)
MADE = make_run(
    make_trial(0, 93.0),
    replace(make_trial(1, 92.0), screened=Screened(80.0, 1, 30)),
    replace(FIRST, screened=Screened(60.0, 2, 600, (LEFT, Looked(FIRST.params, 60.0, 100)))),
    replace(SECOND, screened=Screened(55.0, 2, 300, (SEEN, Looked(SECOND.params, 55.0, 100)))),
    replace(SCRATCH, screened=Screened(None, 1, 30, (LEFT,))),
)
RUN = replace(MADE, settings={**MADE.settings, "facts": {"train_images": 160}})
MODELS = (
    Candidate(4, 50, 40.0, 25, False),
    Candidate(4, FIRST.params, 60.0, 100, True),
    Candidate(5, 70, 61.0, 100, False),
    Candidate(5, SECOND.params, 55.0, 100, True),
    Candidate(6, 50, 40.0, 25, False),
)


def test_candidates_are_those_that_one_was_chosen_of() -> None:
    found = candidates(RUN)
    assert found is not None and found.models == MODELS and found.metric == "accuracy"
    assert found.epochs == 2.0, "960 images, three times 160 of them an epoch"
    assert candidates(make_run(make_trial(0, 93.0), RUN.trials[1])) is None


def test_each_kind_has_its_points_and_each_point_its_trial() -> None:
    figure = candidates_figure(Candidates(MODELS, 2.0, "macro F1"))
    drawn = {trace.name: (list(trace.x), list(trace.y), list(trace.customdata)) for trace in figure.data}
    assert drawn == {
        "left behind": ([50, 50], [40.0, 40.0], [4, 6]),
        "seen on all images": ([70], [61.0], [5]),
        "trained": ([FIRST.params, SECOND.params], [60.0, 55.0], [4, 5]),
    }
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.dtick is None, "ticks, however much alike the models are"
    assert figure.layout.yaxis.title.text == "macro F1 before training, %"
    assert figure.data[0].hovertext[0] == "for trial 4: 40.0 % of 25 images"
    alone = candidates_figure(Candidates(MODELS[1:2], 2.0, "accuracy"))
    assert [trace.name for trace in alone.data] == ["trained"]


def test_words_count_them_and_say_what_all_looks_cost() -> None:
    words = PLOT.words(Candidates(MODELS, 2.04, "accuracy"))
    assert words.startswith("5 candidates cut out") and "2 of them trained" in words
    assert words.endswith("cost as much as 2.0 epochs.")
