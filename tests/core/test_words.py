from __future__ import annotations

from hand_made import make_trial

from lcsearch.core.words import result_words


def test_complete():
    assert result_words(make_trial(1, 91.234)) == "91.23 %"
    assert result_words(make_trial(1)) == "complete", "as a run that was damaged may have it"


def test_stopped():
    stopped = make_trial(1, None, state="pruned", epochs=(60.0,), predicted=80.5)
    assert result_words(stopped) == "stopped at 60.00 % after 1 epoch, predicted 80.50 %"
    alone = make_trial(1, None, state="pruned", epochs=(60.0, 61.5))
    assert result_words(alone) == "stopped at 61.50 % after 2 epochs"
    assert result_words(make_trial(1, None, state="pruned")) == "stopped"


def test_running():
    assert result_words(make_trial(1, None, state="running")) == "running"
    assert (
        result_words(make_trial(1, None, state="running", epochs=(9.0,))) == "running, 9.00 % after 1 epoch"
    )


def test_without_a_result():
    failed = make_trial(1, None, state="failed", reason="loss became nan")
    assert result_words(failed) == "failed: loss became nan"
    assert result_words(make_trial(1, None, state="rejected")) == "rejected"
