"""What stands at the top of a page: what was searched, and what was spent on it."""

from __future__ import annotations

from collections import Counter

from lcsearch.core.metric import ACCURACY, metric_words
from lcsearch.core.records import RunRecord, State
from lcsearch.core.text import counted
from lcsearch.report.points import setting
from lcsearch.report.start import cost_words, screening_words
from lcsearch.report.times import busy_words


def title(run: RunRecord) -> str:
    """Say what a run searched, such as ``vgg11 on fashion-mnist``."""
    backbone = setting(run, "backbone") or (run.trials[0].spec.model.backbone if run.trials else "backbone")
    dataset = setting(run, "dataset")
    return f"{backbone} on {dataset}" if dataset else str(backbone)


def remarks(run: RunRecord) -> tuple[str, ...]:
    """Say of a run in a few words each: its name, trials by state, epochs and time, and what it notes."""
    states = Counter(t.state for t in run.trials)
    order: tuple[State, ...] = ("complete", "pruned", "rejected", "failed", "running")
    trials = [f"{states[s]:,} {'stopped early' if s == 'pruned' else s}" for s in order if states[s]]
    epochs = counted(sum(len(t.epochs) for t in run.trials), "epoch")
    cost = [words for words in (cost_words(run), screening_words(run)) if words is not None]
    judged = [] if run.metric == ACCURACY else [f"judged by {metric_words(run.metric)}"]
    return (
        run.path.name,
        "trials: " + ", ".join(trials),
        f"{epochs} trained in {busy_words(run)}",
        *cost,
        *judged,
        *run.settings.get("notes", ()),
    )
