"""Where models started and what that cost, in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcsearch.records import RunRecord, TrialRecord
from lcsearch.report.points import setting

BEFORE = "accuracy_before"
"""The metric that holds the accuracy of a model that was cut out of a backbone, before it was fine-tuned."""


def accuracy_before(trial: TrialRecord) -> float | None:
    """The accuracy in percent before fine-tuning; None for a model that was trained from scratch."""
    return trial.metrics.get(BEFORE)


def start_name(run: RunRecord) -> str:
    """Where models started, in a word: ``scratch``, ``trained``, ``pretrained`` or the file's name."""
    init = setting(run, "init") or "scratch"
    return str(init) if init in ("scratch", "trained", "pretrained") else Path(str(init)).name


def start_words(run: RunRecord) -> tuple[str, ...]:
    """Say where models started, and which training counts; nothing where all started from scratch."""
    tuned, recipe = setting(run, "fine_tune"), setting(run, "recipe")
    if not isinstance(tuned, Mapping) or not isinstance(recipe, Mapping):
        return ()
    short = f"fine-tuned for {_epochs(tuned['epochs'])}"
    taught = f", {100 * tuned['distill']:g} % of the loss taught by it" if tuned.get("distill") else ""
    if setting(run, "init") == "trained":
        first = (
            f"--init trained: models are cut out of the backbone that trial 0 trains for "
            f"{_epochs(recipe['epochs'])} (counted in the cost), and {short}{taught}"
        )
    else:
        first = (
            f"--init {start_name(run)}: models are cut out of the given backbone{_given(run)} and "
            f"{short}{taught}; the training that these weights had before is not counted"
        )
    return (first, *_thinner(run, recipe["epochs"], tuned["epochs"]))


def cost_words(run: RunRecord) -> str | None:
    """Say what the epochs were spent on; None where all models started from scratch."""
    if not isinstance(setting(run, "fine_tune"), Mapping):
        return None
    spent = {"the backbone": 0, "fine-tuning": 0, "thinner nets": 0}
    for trial in run.trials:
        cut = trial.spec.recipe.init == "backbone"
        what = "fine-tuning" if cut else "the backbone" if trial.origin == "baseline" else "thinner nets"
        spent[what] += len(trial.epochs)
    return "epochs: " + ", ".join(f"{count:,} for {what}" for what, count in spent.items() if count)


def _given(run: RunRecord) -> str:
    baseline = run.baseline
    before = None if baseline is None else accuracy_before(baseline)
    return "" if before is None else f" ({before:.2f} % as given)"


def _thinner(run: RunRecord, epochs: Any, tuned: Any) -> tuple[str, ...]:
    if not any(t.origin == "thinner" for t in run.trials):
        return ()
    return (
        f"thinner nets cannot be cut out of it: each is trained from scratch for {_epochs(epochs + tuned)}, "
        f"{epochs} + {tuned}",
    )


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
