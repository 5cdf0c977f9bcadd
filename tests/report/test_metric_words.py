"""Where models are judged by another metric, no word of the report says accuracy."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hand_made import make_run, make_trial
from invented_runs import invented_run

from lcsearch.core.records import RetrainRecord, RunRecord
from lcsearch.report.compare import render_comparison
from lcsearch.report.evidence import evidence_of
from lcsearch.report.page import render
from lcsearch.report.points import binomial_error
from lcsearch.report.verdict import verdict


def judged_by(run: RunRecord, metric: str) -> RunRecord:
    return replace(run, settings={**run.settings, "settings": {**run.settings["settings"], "metric": metric}})


def without_scripts(page: str) -> str:
    """What people read, and the figures; not the code."""
    return re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("retrained", [False, True])
def test_every_word_of_the_page_is_the_metric_s(retrained: bool) -> None:
    run = invented_run(60, retrained=retrained)
    plain = without_scripts(render(run))
    page = without_scripts(render(judged_by(run, "macro-f1")))
    assert re.search("accura", page, re.IGNORECASE) is None
    assert len(re.findall("macro F1", page, re.IGNORECASE)) == 1 + len(
        re.findall("accuracy", plain, re.IGNORECASE)
    )
    assert "Macro F1 against size" in page and "judged by macro F1" in page
    assert ("test macro F1" in page) == retrained


def test_the_plain_accuracy_stands_beside_it() -> None:
    trial = make_trial(1, 71.0, 500, metrics={"plain_accuracy": 96.54})
    run = judged_by(make_run(make_trial(0, 70.0, origin="baseline"), trial), "balanced-accuracy")
    assert '"plain accuracy 96.54 %"' in render(run)


def test_runs_by_different_metrics_are_not_compared_directly() -> None:
    run = make_run(make_trial(0, 70.0, origin="baseline"), make_trial(1, 71.0, 500))
    page = without_scripts(render_comparison([run, judged_by(run, "balanced-accuracy")]))
    assert "judged by different metrics (accuracy, balanced accuracy)" in page
    assert "accuracy or balanced accuracy, %" in page
    assert "macro F1, %" in without_scripts(render_comparison([judged_by(run, "macro-f1")] * 2))


def test_errors_are_of_the_effective_images() -> None:
    trials = make_trial(0, 80.0, origin="baseline"), make_trial(1, 81.0, 500)
    run = judged_by(make_run(*trials, images=1000), "balanced-accuracy")
    run = replace(
        run, settings={**run.settings, "facts": {"validation_images": 1000, "effective_images": 76}}
    )
    found = evidence_of(run)
    assert found is not None and found.error == binomial_error(80.0, 76)
    assert found.source == "1,000 validation images"
    tested = tuple(RetrainRecord(n, 3, (1,), (80.0,), 500, effective_images=20) for n in (0, 1))
    after = evidence_of(replace(run, retrained=tested))
    assert after is not None and after.error == binomial_error(80.0, 20)


def test_a_backbone_alone_is_given_by_the_metric() -> None:
    run = judged_by(make_run(make_trial(0, 80.0, origin="baseline")), "balanced-accuracy")
    assert "reached 80.0 % balanced accuracy with" in verdict(run).sentences[0]
