"""One sitting over a run: holds its lock, drives its engine, and leaves report and best config behind."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from lcsearch.core.config import Source, write_config
from lcsearch.core.errors import InputError, is_disk_full
from lcsearch.core.job import Objective
from lcsearch.core.records import RunRecord, TrialRecord
from lcsearch.core.spec import Recipe
from lcsearch.core.text import format_seconds
from lcsearch.nets import backbones
from lcsearch.runs.choose import Choice, choose, front_of
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.facts import Facts
from lcsearch.runs.read import read_run
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.storage import open_storage, study_name
from lcsearch.runs.store import Store
from lcsearch.search.director import Search
from lcsearch.search.observer import Observer
from lcsearch.search.planner import Planner
from lcsearch.search.sitting import Sitting
from lcsearch.search.workers import make_engine, make_objective

DROP = 0.5
"""``best.yaml`` is the smallest model within so many points of the backbone's accuracy."""


@dataclass(frozen=True)
class Finish:
    """What a sitting left.

    Attributes:
        trials: Every trial of the run.
        front: The front by rising parameters.
        chosen: The trial in best.yaml; None where there is none.
        lines: What to tell the user.
    """

    trials: tuple[TrialRecord, ...]
    front: tuple[TrialRecord, ...]
    chosen: int | None
    lines: tuple[str, ...]


def _start_lines(settings: RunSettings) -> list[str]:
    """Where models start, unless from scratch."""
    if settings.fine_tune is None:
        return []
    taught = f", {100 * settings.fine_tune.distill:g} % taught by it" if settings.fine_tune.distill else ""
    if settings.waits:
        first = f"trial 0 trains the backbone for {_epochs(settings.recipe)}"
    else:
        first = f"the backbone's weights: {settings.init}"
    thinner = f"; thinner nets train from scratch for {_epochs(settings.thinner_recipe)}"
    return [
        f"{first}; models are cut out of it and fine-tuned for {_epochs(settings.fine_tune)}{taught}"
        f"{thinner if backbones.takes_width(settings.backbone) else ''}"
    ]


def _epochs(recipe: Recipe) -> str:
    return f"{recipe.epochs} epoch{'' if recipe.epochs == 1 else 's'}"


class Session(Sitting):
    """A run that is open for searching; a context manager that holds the run's lock.

    Args:
        directory: The run directory; run.yaml is written already.
        settings: Every setting.
        facts: What the data set and the space decide.
        planner: Puts the search together.
        objective: Runs one trial; None trains the spec on the run's data set.
    """

    def __init__(
        self,
        directory: RunDirectory,
        settings: RunSettings,
        facts: Facts,
        planner: Planner,
        objective: Objective | None = None,
    ) -> None:
        engine = make_engine(settings, directory.path)
        super().__init__(directory, engine, objective or make_objective(settings))
        self.settings = settings
        self._facts = facts
        self._planner = planner
        self.search: Search

    def _enter(self, stack: ExitStack) -> None:
        storage = open_storage(self.settings, self._directory)
        store = Store(storage, self.settings.objectives, study_name(self.settings, self._directory))
        stack.callback(store.close)
        self.engine.prepare(self._objective)
        self.search = self._planner.search(store, self._directory)

    @property
    def can_go_on(self) -> bool:
        """Whether a later sitting may bring more."""
        return self.search.dead_end is None

    def watch(self, observer: Observer) -> None:
        """Let somebody hear what happens."""
        self.search.observer = observer

    def introduction(self) -> list[str]:
        """What is searched, in a few lines, before the first trial starts."""
        settings, facts = self.settings, self._facts
        training = f"{facts.train_images} training and " if settings.objective is None else ""
        timeout = f", at most {format_seconds(settings.timeout)}" if settings.timeout else ""
        return [
            f"run {self.path}: {settings.backbone} on {settings.dataset}, {training}"
            f"{facts.validation_images} validation images of {facts.image_size} x {facts.image_size} pixels",
            *self._planner.space.describe(),
            *_start_lines(settings),
            f"{settings.trials} trials of {_epochs(settings.searched_recipe)} by {settings.sampler}, "
            f"early stopping {settings.early_stopping}, seed {settings.seed}{timeout}",
        ]

    def run(self) -> str | None:
        """Search until the end, an interruption, or a fault.

        Returns:
            What went wrong, in one line; None if nothing did.
        """
        return self._drive(self.search) or self.search.dead_end

    def finish(self) -> Finish:
        """Write best.yaml and report.html from what is recorded."""
        run = read_run(self.path)
        front = tuple(front_of(run.trials))
        lines = [] if self.search.interrupted else [self.search.ending]
        if not front:
            return Finish(run.trials, front, None, (*lines, "no trial is complete yet"))
        choice = self._choose(run.trials)
        lines.extend(self._leave(run, choice))
        return Finish(run.trials, front, choice.trial.number, tuple(lines))

    def _leave(self, run: RunRecord, choice: Choice) -> list[str]:
        """Write best.yaml and report.html, as far as there is room; what to tell the user of it."""
        from lcsearch import report

        try:
            self._write_best(choice)
            report.write(run, self._directory.report)
            report_line = f"report: {self._directory.report}"
        except InputError as error:
            report_line = f"no report: {error}"
        except OSError as error:
            if not is_disk_full(error):
                raise
            return ["no best.yaml or report: the disk is full"]
        return [
            f"best.yaml holds trial {choice.trial.number}, {choice.why}",
            report_line,
            f"config: {self._directory.best}; study: {self._directory.study}",
        ]

    def _choose(self, trials: tuple[TrialRecord, ...]) -> Choice:
        """The smallest model within `DROP` points of the backbone; without a backbone the most accurate."""
        baseline = next((t for t in trials if t.origin == "baseline" and t.state == "complete"), None)
        if baseline is not None:
            return choose(trials, baseline, max_drop=DROP)
        return choose(trials, None, max_params=max(t.params for t in trials))

    def _write_best(self, choice: Choice) -> None:
        trial = choice.trial
        source = Source(str(self.path), trial.number, trial.accuracy, trial.params, trial.macs, choice.why)
        write_config(self._directory.best, trial.spec, source)
