"""A session: a run that one process holds open while an engine works on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from lcsearch.core.errors import HaltError, InputError, file_fault
from lcsearch.core.job import Objective
from lcsearch.core.metric import ACCURACY, metric_words
from lcsearch.core.records import TrialRecord
from lcsearch.core.spec import Recipe
from lcsearch.core.text import counted, format_seconds
from lcsearch.engines import Director, Engine
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.storage import open_storage, study_name
from lcsearch.runs.store import Store
from lcsearch.runs.trackers import Tracker
from lcsearch.search.director import TIME_IS_UP, SearchDirector
from lcsearch.search.finish import Finish, finish
from lcsearch.search.interrupt import Interruptible, ctrl_c
from lcsearch.search.observer import Audience, Observer
from lcsearch.search.planner import Planner
from lcsearch.search.proposals.finishing import finishing_trials, trials_before
from lcsearch.search.tracking import Tracking, tracked


class InterruptibleDirector(Director, Interruptible, Protocol):
    """A director that can be told to leave."""


class Session(ABC):
    """A context manager that holds a run's lock, and leaves no worker behind.

    Args:
        directory: The run directory.
        engine: Runs trials.
        objective: What a trial does.
        trackers: Follow it, by what messages call them.
    """

    def __init__(
        self,
        directory: RunDirectory,
        engine: Engine,
        objective: Objective,
        trackers: Mapping[str, Tracker] | None = None,
    ) -> None:
        self.path: Path = directory.path
        self._trackers = trackers or {}
        self._tracking: Tracking | None = None
        self.engine = engine
        self._directory = directory
        self._objective = objective
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._directory.locked())
            stack.callback(self.engine.close)
            self._enter(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @abstractmethod
    def _enter(self, stack: ExitStack) -> None:
        """Open what else is needed, and prepare the engine.

        Raises:
            InputError: Trials could not run.
        """

    def _drive(self, director: InterruptibleDirector, say: Callable[[str], None]) -> str | None:
        """Let the engine run until the end, an interruption, or a fault; no worker is left then.

        Args:
            director: Says what to run.
            say: Called with a line for the user.

        Returns:
            What went wrong, in one line; None if nothing did.
        """
        with ctrl_c(director, say):
            try:
                self.engine.run(director, self._objective)
            except KeyboardInterrupt:
                director.interrupt()
            except HaltError as error:
                return f"{self.path}: {error}"
            except OSError as error:
                return f"{self.path}: {file_fault(error)}"
            except InputError as error:  # what was asked for was checked before: something has changed since
                return str(error)
            finally:
                self.engine.close()
        return None

    def _track(self, audience: Audience, trials: Iterable[TrialRecord], say: Callable[[str], None]) -> None:
        """Let trackers follow what an audience hears, until the session is closed."""
        if self._trackers:
            self._tracking = Tracking(self._trackers, tracked(self._directory, trials), say)
            self._open.callback(self._tracking.close)
            audience.add(self._tracking)

    def _give_files(self, *files: Path) -> None:
        """Let trackers have files that were written for people, as far as they are there."""
        if self._tracking is not None:
            self._tracking.files_written([file for file in files if file.is_file()])


class SearchSession(Session):
    """A run that is open for searching.

    Args:
        directory: The run directory; run.yaml is written already.
        settings: Every setting.
        facts: What the data set and the space decide.
        planner: Puts the search together.
        objective: Runs one trial.
        engine: Runs the objective for every trial.
        trackers: Follow the search, by what messages call them.
        remarks: What is said at the start beside what is recorded, a line each.
    """

    def __init__(
        self,
        directory: RunDirectory,
        settings: RunSettings,
        facts: Facts,
        planner: Planner,
        objective: Objective,
        engine: Engine,
        trackers: Mapping[str, Tracker] | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        super().__init__(directory, engine, objective, trackers)
        self.settings = settings
        self._facts = facts
        self._planner = planner
        self.remarks = remarks
        self._halted = False
        self.director: SearchDirector

    def _enter(self, stack: ExitStack) -> None:
        storage = open_storage(self.settings, self._directory)
        store = Store(storage, self.settings.objectives, study_name(self.settings, self._directory))
        stack.callback(store.close)
        self.engine.prepare(self._objective)
        self.director = self._planner.director(store, self._directory)

    @property
    def can_go_on(self) -> bool:
        """Whether a later session may bring more."""
        return self.director.dead_end is None

    def watch(self, observer: Observer) -> None:
        """Let somebody hear what happens."""
        self.director.audience.add(observer)

    def introduction(self) -> list[str]:
        """What is searched, in a few lines, before the first trial starts."""
        settings, facts = self.settings, self._facts
        training = f"{facts.train_images} training and " if settings.objective is None else ""
        timeout = f", at most {format_seconds(settings.timeout)}" if settings.timeout else ""
        metric = "" if settings.metric == ACCURACY else f"judged by {metric_words(settings.metric)}, "
        return [
            f"run {self.path}: {settings.backbone} on {settings.dataset}, {training}"
            f"{facts.validation_images} validation images of {facts.image_size} x {facts.image_size} pixels",
            *self._planner.space.describe(),
            *_start_lines(settings, thinner=any(one.origin == "thinner" for one in self._planner.picked)),
            *_meanwhile(len(self._planner.meanwhile)),
            f"{counted(settings.trials, 'trial')} of {_epochs(settings.searched_recipe)}, "
            f"{self._proposers()}{_last(settings)}, early stopping {settings.early_stopping}, "
            f"{metric}seed {settings.seed}{timeout}",
            *self._directory.read().notes,
            *self.remarks,
        ]

    def _proposers(self) -> str:
        """Who proposes the trials, in words."""
        planned, sampler = self._planner.foreseen, self.settings.sampler
        if trials_before(self.settings) <= planned:
            unscreened = ", so that none is chosen by screening" if self.settings.screen else ""
            return f"all of them planned{unscreened}"
        first = f"up to {planned} of them planned" if self._planner.prepare is None else "planned ones first"
        return f"{first}, the others by {sampler}"

    def run(self, say: Callable[[str], None] = lambda line: None) -> str | None:
        """Search until the end, an interruption, or a fault.

        Args:
            say: Called with a line for the user: at Ctrl-C, and until the session is closed where a tracker
                fails.

        Returns:
            What went wrong, in one line; None if nothing did.

        Raises:
            InputError: The time was over before the first trial began.
        """
        self._track(self.director.audience, self.director.history, say)
        fault = self._drive(self.director, say)
        self._halted = fault is not None
        if fault is None and not self.director.history.trained and self.director.ending == TIME_IS_UP:
            raise InputError(
                f"is over before the first trial can begin; a longer one is needed to go on with {self.path}",
                setting="timeout",
                value=self.settings.timeout,
            )
        return fault or self.director.dead_end

    def finish(self) -> Finish:
        """Write best.yaml and report.html from what is recorded; after a fault as far as that can be done.

        Raises:
            InputError: The run is damaged.
            HaltError: The study cannot be read.
        """
        why = () if self._halted or self.director.interrupted else (self.director.ending,)
        try:
            finished = finish(self._directory, why)
        except (InputError, HaltError, OSError):
            if not self._halted:
                raise
            return Finish((), (), None, ())
        self._give_files(self._directory.best, self._directory.report)
        return finished


def _last(settings: RunSettings) -> str:
    """How the search ends, in words; nothing where no model trains on."""
    last = finishing_trials(settings)
    return (
        f", up to {last} at the end train front models on for {counted(settings.finish_epochs, 'epoch')}"
        if last
        else ""
    )


def _start_lines(settings: RunSettings, *, thinner: bool) -> list[str]:
    """Where models start, unless from scratch."""
    if settings.fine_tune is None:
        return []
    taught = f", {100 * settings.fine_tune.distill:g} % taught by it" if settings.fine_tune.distill else ""
    if settings.waits:
        alone = settings.threads_at_start
        cores = f", alone on {alone} threads" if alone > settings.threads else ""
        first = f"trial 0 trains the backbone for {_epochs(settings.recipe)}{cores}"
    else:
        first = f"the backbone's weights: {settings.init}"
    longer = _epochs(settings.thinner_recipe)
    rivals = f"; thinner nets may be cut out of it too, and train from scratch for {longer}"
    lines = [
        f"{first}; models are cut out of it and fine-tuned for {_epochs(settings.fine_tune)}{taught}"
        f"{f'{rivals}{taught}' if thinner else ''}"
    ]
    if settings.scratch_below:
        least = f"{100 * settings.scratch_below:.3g} % of the backbone's parameters"
        lines.append(
            f"models of less than {least} train from scratch, for {_epochs(settings.thinner_recipe)}"
        )
    return lines


def _meanwhile(models: int) -> list[str]:
    """What may be trained beside the backbone."""
    number = counted(models, "small model")
    return (
        [f"while the backbone trains, idle workers train up to {number} from scratch, not taught"]
        if models
        else []
    )


def _epochs(recipe: Recipe) -> str:
    return f"{recipe.epochs} epoch{'' if recipe.epochs == 1 else 's'}"
