"""Where models came from, in numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from hand_made import make_run, make_trial

from lcsearch.core.records import TrialRecord
from lcsearch.core.screened import Screened
from lcsearch.report.heading import remarks
from lcsearch.report.plots.front import front
from lcsearch.report.plots.hypervolume import growth
from lcsearch.report.start import epochs_behind, screening_words, start_words
from lcsearch.report.verdict import verdict
from lcsearch.report.words import trial_words


def cut(trial: TrialRecord, parent: int | None = None) -> TrialRecord:
    recipe = replace(trial.spec.recipe, init="backbone")
    return replace(trial, spec=replace(trial.spec, recipe=recipe), parent=parent)


def family() -> list[TrialRecord]:
    """The backbone has 3 epochs, a thinner net 4; 2 is cut out of the backbone, 3 of 2, 4 of 3."""
    return [
        make_trial(0, 90.0, 1000, "baseline", epochs=(1.0, 2.0, 90.0)),
        make_trial(1, 50.0, 500, "thinner", epochs=(1.0, 2.0, 3.0, 50.0)),
        cut(make_trial(2, 89.0, 400, "sensitivity")),
        cut(make_trial(3, 88.0, 300, epochs=(87.0, 88.0)), parent=2),
        cut(make_trial(4, 85.0, 200, "uniform"), parent=3),
        cut(make_trial(5, 84.0, 350, "uniform")),
    ]


def test_epochs_behind_a_model_are_its_own_and_those_of_what_it_came_from():
    assert epochs_behind(family()) == {0: 3, 1: 4, 2: 4, 3: 6, 4: 7, 5: 4}


def test_a_given_backbone_was_not_trained_here():
    trials = [cut(make_trial(0, 90.0, 1000, "baseline")), cut(make_trial(1, 89.0, 400), parent=0)]
    assert epochs_behind(trials) == {0: 1, 1: 2}


def test_the_report_says_that_models_differ_in_what_is_behind_them():
    run = make_run(*family())
    asked = {"init": "trained", "recipe": {"epochs": 3}, "fine_tune": {"epochs": 1, "distill": 0.5}}
    run = replace(run, settings={**run.settings, "settings": {**run.settings["settings"], **asked}})
    said = start_words(run)
    assert (
        "differ in the training behind them: 4 to 7 epochs on the front, 4 to 7 epochs for uniform" in said[1]
    )
    alone = replace(run, trials=tuple(replace(trial, parent=None) for trial in run.trials))
    assert all("behind them" not in line for line in start_words(alone))


def on(trial: TrialRecord, parent: TrialRecord) -> TrialRecord:
    """A trial that trains another's model on."""
    recipe = replace(parent.spec.recipe, init="trial", epochs=3)
    more = {"metrics": {"accuracy_before": parent.accuracy}, "parent": parent.number}
    return replace(trial, spec=replace(parent.spec, recipe=recipe), **more)


def longer() -> list[TrialRecord]:
    """The family, with 3 and the thinner net on for 3 epochs."""
    trials, curve = family(), (88.0, 89.0, 90.5)
    trials.append(on(make_trial(6, 90.5, 300, epochs=curve), trials[3]))
    trials.append(on(make_trial(7, 51.0, 500, "thinner", epochs=(49.0, 50.0, 51.0)), trials[1]))
    return trials


def test_which_models_train_on_is_said_and_what_that_costs():
    trials = longer()
    assert {n: epochs_behind(trials)[n] for n in (6, 7)} == {6: 9, 7: 7}
    run = make_run(*trials)
    expected = (
        "of the search's front and of that of the models picked by hand an equal share trains on for 3 "
        "epochs, the backbone does not: trials 3 (as 6) of the search; 1 (as 7) picked by hand"
    )
    assert start_words(run) == (expected,)
    assert start_words(replace(run, trials=run.trials[:6])) == ()
    asked = {"init": "trained", "recipe": {"epochs": 3}, "fine_tune": {"epochs": 1, "distill": 0.5}}
    run = replace(run, settings={**run.settings, "settings": {**run.settings["settings"], **asked}})
    assert start_words(run)[-1] == expected
    spent = (
        "epochs: 3 for the backbone, 4 for thinner nets from scratch, 5 for fine-tuning, 6 for training on"
    )
    assert spent in remarks(run)
    grown = growth(run)
    assert grown is not None and grown.searched == (False, False, False, True, False, False, False, False)


def test_a_model_that_trains_on_counts_for_whoever_found_it():
    """Within half a point of the backbone, for which nobody had a model before."""
    before, after = (verdict(make_run(*found)) for found in (family(), longer()))
    assert (before.heading, after.heading) == (
        "Provisional: best of 2 trials, one seed",
        "Provisional: best of 3 trials, one seed",
    )
    assert "search" not in before.targets[0].needed and after.targets[0].needed["search"].params == 300
    trials = longer()
    trials[7] = replace(trials[7], accuracy=95.0)
    better = verdict(make_run(*trials))
    assert better.targets[0].needed["thinner"].params == 500
    assert better.targets[0].needed["search"] == after.targets[0].needed["search"]


def test_of_a_hand_picked_model_that_trains_on_the_better_is_on_its_line():
    for accuracy, number in ((51.0, 7), (49.0, 1)):
        trials = longer()
        trials[7] = replace(trials[7], accuracy=accuracy)
        drawn = front(make_run(*trials), "params")
        assert [point.trial for point in drawn.thinner] == [number, 0]
        assert {1, 7} - {number} <= {point.trial for point in drawn.complete}


def test_a_hover_names_the_parent():
    assert "trained on from trial 3, 88.00 % before that" in trial_words(longer()[6])
    trial = replace(family()[3], metrics={"accuracy_before": 40.0})
    assert "cut out of trial 2, 40.00 % before fine-tuning" in trial_words(trial)


def test_screening_costs_epochs_of_a_third_of_the_images_that_went_forward():
    """With 100 training images an epoch is 300 images: 450 and 150 of them are one and a half and a half."""
    run = make_run(
        make_trial(0, 93.0, 10_000, "baseline"), make_trial(1, 92.0, 1000), make_trial(2, 91.0, 900)
    )
    assert screening_words(run) is None
    seen = (None, Screened(80.0, 12, 450), Screened(None, 3, 150))
    trials = tuple(replace(trial, screened=one) for trial, one in zip(run.trials, seen, strict=True))
    run = replace(run, trials=trials, settings={**run.settings, "facts": {"train_images": 100}})
    assert screening_words(run) == "15 models screened, as much work as 2.0 epochs"
    assert screening_words(run) in remarks(run)
    grown = growth(run)
    assert grown is not None and grown.epochs == (1, 3.5, 5)
