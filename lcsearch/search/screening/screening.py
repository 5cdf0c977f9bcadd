"""Screening: cuts candidates out of what the run has trained, and says how well they do before any training.

On a part of the training images that nothing is fitted to, never on validation images: these judge what was
trained, and a choice by them would make its accuracies look better than they are. Everything is done in the
driver's process, and depends on nothing but what the run has recorded: a search that goes on after a kill
looks at the same candidates and finds the same. What it found is recorded with the trial that was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.trial import FixedTrial
from torch import nn

from lcsearch.compress import quick
from lcsearch.compress.cut_out import first_images
from lcsearch.compress.quick import Passes, QuickCuts
from lcsearch.core.device import pick_device
from lcsearch.core.job import Progress
from lcsearch.core.parameters import Trial
from lcsearch.core.records import Screened
from lcsearch.core.spec import TrialSpec
from lcsearch.core.threads import computing_on
from lcsearch.data import SearchData, Split
from lcsearch.nets.weights import load_backbone, load_parent
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.search.history import History
from lcsearch.search.samplers import Promise
from lcsearch.search.screening.check import screening_images
from lcsearch.search.screening.entrant import Cut, Images
from lcsearch.search.screening.race import race
from lcsearch.search.space import BoundSpace

_SOURCES = 8
"""Trained nets that are kept in memory, with what was worked out of them: a front's, mostly."""


class Screening:
    """Looks at candidates of one run.

    Args:
        directory: The run directory.
        settings: Every setting of the run.
        space: The space, bound to the backbone.
        data: The images that the run trains on; read when they are first needed.
    """

    def __init__(
        self,
        directory: RunDirectory,
        settings: RunSettings,
        space: BoundSpace,
        data: Callable[[], SearchData],
    ) -> None:
        self._directory, self._settings, self._space, self._data = directory, settings, space, data
        self._sources: dict[int | None, QuickCuts] = {}
        self._most: dict[int | None, float] = {}
        self._images: Images | None = None
        self._passes = Passes()

    def one(self, spec: TrialSpec, parent: int | None, history: History) -> Screened:
        """Look at one model that is trained whatever it does.

        Args:
            spec: What is trained.
            parent: The trial that it is cut out of; None for the backbone.
            history: Every trial.
        """
        with computing_on(self._settings.threads):
            accuracy = self._cut(spec, parent, history).accuracy(len(self.images))
        return Screened(accuracy, 1, self.spent())

    def pool(self, suggest: Callable[[Trial], TrialSpec], history: History, progress: Progress) -> Pool:
        """What looks at the candidates for the next trial.

        Args:
            suggest: Makes a spec of a candidate's parameters.
            history: Every trial.
            progress: Hears what is done; what it raises passes through.
        """
        return Pool(self, suggest, history, progress)

    def entrant(self, spec: TrialSpec, history: History, told: Callable[[], None]) -> Cut | None:
        """A candidate; None where it trains from scratch.

        Args:
            spec: What would be trained.
            history: Every trial.
            told: Called before it is cut out.
        """
        if spec.recipe.init != "backbone":
            return None
        params = self._space.params(spec.model)
        parent = history.parent_of(spec, params) if self._settings.inherit else None
        return self._cut(spec, parent, history, told)

    @property
    def images(self) -> Images:
        """What candidates are evaluated on: the last training images; the first ones cut them out."""
        if self._images is None:
            data = self._data()
            held = screening_images(self._settings, len(data.train))
            last = Split(data.train.images[-held:], data.train.labels[-held:])
            device = pick_device(self._settings.device)
            self._images = Images(last, data.info, self._settings.metric, device, self._passes)
        return self._images

    @property
    def threads(self) -> int:
        """Threads on a CPU, as trials have: results may depend on it."""
        return self._settings.threads

    @property
    def count(self) -> int:
        """Candidates that are looked at for one trial."""
        return self._settings.screen

    def epochs(self, params: int) -> int:
        """For how many epochs a model of so many parameters is trained."""
        return self._settings.recipe_of(params, self._space.params(self._space.plain())).epochs

    def _cut(
        self, spec: TrialSpec, parent: int | None, history: History, told: Callable[[], None] = lambda: None
    ) -> Cut:
        if parent not in self._most:
            whole = self._source(spec, parent, history).whole
            self._most[parent] = Cut(lambda: whole, self.images).accuracy(len(self.images))

        def make() -> nn.Module:
            return self._source(spec, parent, history).cut(spec.model)

        return Cut(make, self.images, self._most[parent], told)

    def _source(self, spec: TrialSpec, parent: int | None, history: History) -> QuickCuts:
        """What cuts models out of a trained net; the net that was used longest ago makes room for another."""
        found = self._sources.pop(parent, None)
        while len(self._sources) >= _SOURCES:
            del self._sources[next(iter(self._sources))]
        self._sources[parent] = found or self._made_source(spec, parent, history)
        return self._sources[parent]

    def _made_source(self, spec: TrialSpec, parent: int | None, history: History) -> QuickCuts:
        if parent is None:
            whole, before = load_backbone(spec.model, self._directory.start), dict[str, float]()
        else:
            model = history[parent].spec.model
            whole = load_parent(model, self._directory.weights(parent))
            before = dict(model.channels)
        data, device = self._data(), pick_device(self._settings.device)
        few = first_images(data, min(quick.IMAGES, len(data.train) - len(self.images)), device)
        return QuickCuts(whole.to(device), before, few, self._passes)

    def spent(self) -> int:
        """Images that went forward through a net since this was last asked."""
        since, self._passes.images = self._passes.images, 0
        return since


class Pool:
    """The candidates for one trial, as `lcsearch.search.samplers.Screen` has it.

    Args:
        screening: Looks at them.
        suggest: Makes a spec of a candidate's parameters.
        history: Every trial.
        progress: Hears what is done; what it raises passes through.

    Attributes:
        count: Candidates at most.
    """

    def __init__(
        self,
        screening: Screening,
        suggest: Callable[[Trial], TrialSpec],
        history: History,
        progress: Progress,
    ) -> None:
        self._screening, self._suggest = screening, suggest
        self._history, self._progress = history, progress
        self._accuracies: dict[str, float | None] = {}
        self._made = 0
        self.count = screening.count

    def epochs(self, params: int) -> int:
        """For how many epochs a model of so many parameters is trained."""
        return self._screening.epochs(params)

    def __call__(self, answers: Sequence[Mapping[str, Any]], promise: Promise) -> list[float | None]:
        """Look at candidates, those that cannot come out ahead less closely."""
        specs = [self._suggest(FixedTrial(dict(own))) for own in answers]
        with computing_on(self._screening.threads):
            entrants = [self._screening.entrant(spec, self._history, self._told) for spec in specs]
            found = race(entrants, promise, len(self._screening.images))
        names = [spec.fingerprint() for spec in specs]
        self._accuracies = dict(zip(names, found, strict=True))
        return found

    def screened(self, spec: TrialSpec) -> Screened | None:
        """What is recorded with the candidate that was chosen; None where none was looked at."""
        if not self._accuracies:
            return None
        return Screened(self._accuracies.get(spec.fingerprint()), self._made, self._screening.spent())

    def _told(self) -> None:
        self._made += 1
        self._progress(f"screening candidates: {self._made} cut out")
