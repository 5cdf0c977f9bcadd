"""Where models started and what that cost, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcsearch.core.records import RIVALS, THINNER, RunRecord, TrialRecord
from lcsearch.core.text import counted
from lcsearch.report.points import setting
from lcsearch.runs.choose import front_of


def start_name(run: RunRecord) -> str:
    """Where models started, in a word: ``scratch``, ``trained``, ``pretrained`` or the file's name."""
    init = setting(run, "init") or "scratch"
    return str(init) if init in ("scratch", "trained", "pretrained") else Path(str(init)).name


def start_words(run: RunRecord) -> tuple[str, ...]:
    """Say where models started, and which training counts; nothing where all started from scratch."""
    return (*_cut_out(run), *_trained_on(run))


def _cut_out(run: RunRecord) -> tuple[str, ...]:
    tuned, recipe = setting(run, "fine_tune"), setting(run, "recipe")
    if not isinstance(tuned, Mapping) or not isinstance(recipe, Mapping):
        return ()
    trained_for, tuned_for = _epochs(recipe["epochs"]), _epochs(tuned["epochs"])
    taught = f", {100 * tuned['distill']:g} % of the loss taught by it" if tuned.get("distill") else ""
    if setting(run, "init") == "trained":
        first = (
            f"init trained: models are cut out of the backbone that trial 0 trains for {trained_for} "
            f"(counted in the cost), and fine-tuned for {tuned_for}{taught}"
        )
    else:
        first = (
            f"init {start_name(run)}: models are cut out of the given backbone{_given(run)} and fine-tuned "
            f"for {tuned_for}{taught}; the training that these weights had before is not counted"
        )
    return (first, *_small(run), *_inherited(run), *_thinner(run, recipe["epochs"], tuned["epochs"]))


def epochs_behind(trials: Sequence[TrialRecord]) -> dict[int, int]:
    """Epochs of this run behind each model, by trial: its own and those of what it came from.

    A model that was cut out of the backbone has the backbone's behind it, if this run trained that.
    """
    found: dict[int, int] = {}
    first = sum(len(t.epochs) for t in trials if t.origin == "baseline" and t.spec.recipe.init == "scratch")
    for trial in trials:
        cut = trial.spec.recipe.is_cut_out
        before = found[trial.parent] if trial.parent is not None else first if cut else 0
        found[trial.number] = before + len(trial.epochs)
    return found


_NOT_FRESH = {"backbone": "fine-tuning", "trial": "training on"}
_FROM_SCRATCH = {"baseline": "the backbone"} | dict.fromkeys(THINNER, "thinner nets from scratch")


def cost_words(run: RunRecord) -> str | None:
    """Say what the epochs were spent on; None where all models started from scratch."""
    if not isinstance(setting(run, "fine_tune"), Mapping):
        return None
    spent: dict[str, int] = {}
    for trial in run.trials:
        by_origin = _FROM_SCRATCH.get(trial.origin, "small models from scratch")
        what = _NOT_FRESH.get(trial.spec.recipe.init, by_origin)
        spent[what] = spent.get(what, 0) + len(trial.epochs)
    return "epochs: " + ", ".join(f"{count:,} for {what}" for what, count in spent.items() if count)


def screening_words(run: RunRecord) -> str | None:
    """Say how many candidates were screened and what that cost; None where none were."""
    models = sum(trial.screened.models for trial in run.trials if trial.screened is not None)
    if not models:
        return None
    return f"{counted(models, 'model')} screened, as much work as {run.screening_epochs:.1f} epochs"


def _small(run: RunRecord) -> tuple[str, ...]:
    share = setting(run, "scratch_below")
    if not share or all(t.spec.recipe.init != "scratch" or t.origin in _FROM_SCRATCH for t in run.trials):
        return ()
    return (
        f"models of less than {100 * float(share):.3g} % of the backbone's parameters are trained from "
        "scratch, as thinner nets are",
    )


def _given(run: RunRecord) -> str:
    before = None if run.baseline is None else run.baseline.accuracy_before
    return "" if before is None else f" ({before:.2f} % as given)"


def _inherited(run: RunRecord) -> tuple[str, ...]:
    if all(trial.parent is None or trial.continues for trial in run.trials):
        return ()
    behind = epochs_behind(run.trials)
    uniform = [behind[t.number] for t in run.trials if t.origin == "uniform" and t.state == "complete"]
    front = [behind[t.number] for t in front_of(run.trials) if t.spec.recipe.init != "scratch"]
    return (
        f"each is cut out of the next larger one on the front, if there is one, so that models differ in the "
        f"training behind them: {_range(front)} on the front"
        + (f", {_range(uniform)} for uniform alpha" if uniform else ""),
    )


def _trained_on(run: RunRecord) -> tuple[str, ...]:
    """Which models trained on, and how fair that is."""
    found = [trial for trial in run.trials if trial.continues]
    if not found:
        return ()
    searched, by_hand = (
        ", ".join(f"{t.parent} (as {t.number})" for t in found if (t.origin in RIVALS) is rival) or "none"
        for rival in (False, True)
    )
    return (
        f"of the search's front and of that of the models picked by hand an equal share trains on for "
        f"{_range([trial.spec.recipe.epochs for trial in found])}, the backbone does not: trials {searched} "
        f"of the search; {by_hand} picked by hand",
    )


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    return _epochs(low) if low == high else f"{low} to {_epochs(high)}"


def _thinner(run: RunRecord, epochs: Any, tuned: Any) -> tuple[str, ...]:
    first = [trial for trial in run.trials if not trial.continues]
    scratch = [trial for trial in first if trial.origin in THINNER]
    if not scratch:
        return ()
    share = 100 * scratch[0].spec.recipe.distill
    taught = f", {share:g} % of the loss taught by the backbone" if share else ""
    cut = sum(trial.origin == "thinner cut" for trial in first)
    also = "each is also" if cut == len(scratch) else "some are also"
    again = f"; {also} cut out of it" if cut else ""
    return (
        f"thinner nets are trained from scratch for {_epochs(epochs + tuned)}, {epochs} + {tuned}"
        f"{taught}{again}",
    )


def _epochs(count: int) -> str:
    return counted(count, "epoch")
