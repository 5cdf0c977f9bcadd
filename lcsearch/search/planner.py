"""Puts a search together: what is planned first, what samplers see, what stops trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from lcsearch.core.metric import metric_words
from lcsearch.core.parameters import Trial
from lcsearch.core.records import RIVALS, THINNER, Origin
from lcsearch.core.seeds import sampler_seed
from lcsearch.core.spec import ModelSpec, Recipe, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.store import Proposal, Store
from lcsearch.search import samplers, stopping
from lcsearch.search.admit import Admission, Size
from lcsearch.search.director import SearchDirector
from lcsearch.search.history import History
from lcsearch.search.limits import Limits
from lcsearch.search.proposals.finishing import Finishing, trials_before
from lcsearch.search.proposals.guided import GUIDED
from lcsearch.search.proposals.handpicked import hand_picked, known_good
from lcsearch.search.proposals.plan import Candidate
from lcsearch.search.proposals.queue import Later, Prepare, Proposer
from lcsearch.search.rungs import Rungs
from lcsearch.search.sampler_view import SamplerView
from lcsearch.search.screening import Looks, Screening
from lcsearch.search.space import BoundSpace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class Planner:
    """Everything that decides what a search proposes and stops.

    Attributes:
        space: The space, bound to the backbone.
        settings: Every setting of the run.
        noise_images: Images that the noise of an accuracy is worked out from.
        given: Specs that the user wants tried first.
        size: Counts a model without training it.
        prepare: Makes what trials need that are cut out of a backbone; None where none are.
        held: Training images that candidates are judged by before one is trained; 0 where that is off.
    """

    space: BoundSpace
    settings: RunSettings
    noise_images: int
    given: Sequence[TrialSpec]
    size: Size
    prepare: Prepare | None = None
    held: int = 0

    def director(self, store: Store, directory: RunDirectory) -> SearchDirector:
        """What directs the search; it goes on where the store stands."""
        store.settle()
        recorded = list(store.read())
        finishing = self._finishing(directory) if self.settings.finish else None
        history = History((record for record, _ in recorded), finishing=finishing is not None)
        limits = Limits(self.settings.max_params, self.settings.max_macs)
        cut_from = self.settings.cut_from(self.space.params(self.space.plain()))
        view = SamplerView(self.settings.objectives, limits, store.memory(), cut_from)
        for record, proposal in recorded:
            view.add(record, proposal)
        screening = self._screening(store, view) if self.held else None
        if screening is not None:
            screening.take_up(history)
        directory.tidy((t for t in history if t.state != "running"), history.keepers())
        if self.prepare is None:
            early, later = self.planned(), None
        else:
            early = self._without_backbone()
            later = Later(directory, self.settings.waits, self.prepare, self._after_backbone)
        proposer = Proposer(
            early, trials_before(self.settings), self._suggest, self._make_sampler, view, history,
            later, screening, finishing,
        )  # fmt: skip
        if any(trial.spec.recipe.needs_backbone for trial in history):
            proposer.ready(history, lambda words: None)
        admission = Admission(directory, self.settings, self.size, self.held)
        looks = Looks(screening, directory, self.settings, history)
        return SearchDirector(
            store, directory, self.settings, proposer, admission, self._rungs(), history, looks
        )

    def _rungs(self) -> Rungs:
        rule, words = stopping.find(self.settings.early_stopping), metric_words(self.settings.metric)
        return Rungs(self.noise_images, rule, self.settings.rung_factor, words)

    def _finishing(self, directory: RunDirectory) -> Finishing:
        def kept(number: int) -> bool:
            return directory.weights(number).is_file()

        return Finishing(self.settings, self.space.params(self.space.smallest()), kept)

    def _screening(self, store: Store, view: SamplerView) -> Screening:
        settings, space, suggest = self.settings, self.space, self._suggest
        return Screening(settings, space, self.held, store, view.study, suggest, self._make_sampler)

    def planned(self) -> list[Candidate]:
        """The plain backbone, hand-picked models, what the user gave, then shapes known to be good.

        Of the hand-picked ones all but the smallest come between the sampler's trials.
        """
        return [
            *map(self._completed, self.picked),
            *self._given(),
            *map(self._completed, known_good(self.space)),
        ]

    @property
    def foreseen(self) -> int:
        """Models that are planned now; what each layer loses proposes more, where that is measured."""
        if self.prepare is None:
            return len(self.planned())
        return len(self._without_backbone()) + len(self._after_backbone(()))

    @property
    def most_planned(self) -> int:
        """Models that may be planned, with those that what each layer loses proposes."""
        return self.foreseen + (0 if self.prepare is None else GUIDED)

    def _without_backbone(self) -> list[Candidate]:
        """What needs no trained backbone: the backbone itself, where the run trains it.

        Thinner nets too where they do not learn from the backbone: they keep workers busy that would wait for
        it. Where they do, small nets that are tried only meanwhile.
        """
        own: tuple[Origin, ...] = ("baseline",) if self.settings.waits else ()
        return [*self._hand_picked(*own, *self._early_rivals), *self.meanwhile]

    @cached_property
    def meanwhile(self) -> list[Candidate]:
        """Shapes known to be good, so small that such train from scratch anyway; nobody teaches these.

        None where the backbone trains on all there is: on the cores of one machine. The small ones first, and
        no more of them than leave trials for all else that is planned.
        """
        settings = self.settings
        elsewhere = settings.ray_address is not None or settings.threads_alone == 0
        leaves_room = elsewhere and settings.jobs_asked != 1
        if self._early_rivals or not (settings.waits and leaves_room):
            return []
        sizes = [(self.space.params(one.spec.model), one) for one in known_good(self.space)]
        limit = settings.cut_from(self.space.params(self.space.plain())) or 0.0
        small = sorted((own for own in sizes if own[0] < limit), key=lambda own: own[0])
        left = trials_before(settings) - len(self.picked) - len(self.given) - GUIDED
        untaught = replace(settings.thinner_recipe, distill=0.0)
        return [self._trained_by(untaught, replace(one, meanwhile=True)) for _, one in small[: max(left, 0)]]

    def _after_backbone(self, sensitive: Sequence[ModelSpec]) -> list[Candidate]:
        """What can be tried once there is a backbone to cut models out of.

        Of those that promise to lose the least first the ones that train from scratch, small ones before
        others: they are trained fast, and a small one adds the most hypervolume. Then those that are cut out,
        largest first: each is cut out of the one before. Then what one would pick by hand, small ones first.
        """
        sizes = [format_count(self.size(model).params) for model in sensitive]
        guided = [
            Candidate("sensitivity", f"least loss at {size}", TrialSpec(model))
            for size, model in zip(sizes, sensitive, strict=True)
        ]
        return [
            *([] if self.settings.waits else self._hand_picked("baseline")),
            *self._given(),
            *sorted(map(self._completed, guided), key=self._turn),
            *self._hand_picked(*(kind for kind in RIVALS if kind not in self._early_rivals)),
        ]

    def _turn(self, guided: Candidate) -> tuple[bool, int]:
        """What models that promise to lose the least are sorted by, to be tried in that order."""
        cut, params = guided.spec.recipe.is_cut_out, self.space.params(guided.spec.model)
        return cut, -params if cut else params

    def _suggest(self, trial: Trial) -> TrialSpec:
        """Ask a trial for every choice; asked again, it answers the same."""
        usual = self.settings.searched_recipe
        spec = self.space.suggest(trial, usual)
        recipe = self._searched_recipe(spec.model)
        return spec if recipe == usual else self.space.suggest(trial, recipe)

    def _searched_recipe(self, model: ModelSpec) -> Recipe:
        """How a model of the search is trained."""
        return self.settings.recipe_of(self.space.params(model), self.space.params(self.space.plain()))

    def _hand_picked(self, *origins: Origin) -> list[Candidate]:
        """Those of some kinds; none waits where a search begins with what is cut out of a backbone."""
        found = [self._completed(one) for one in self.picked if one.origin in origins]
        return found if self.prepare is None else [replace(one, can_wait=False) for one in found]

    @property
    def _early_rivals(self) -> tuple[Origin, ...]:
        """The hand-picked kinds that need no trained backbone."""
        return () if self.settings.thinner_recipe.needs_backbone else THINNER

    @cached_property
    def picked(self) -> list[Candidate]:
        """What one would pick by hand, the recipes left open."""
        return hand_picked(self.space, self.settings.max_params, cut_out=self.prepare is not None)

    def _given(self) -> list[Candidate]:
        given = (Candidate("given", f"given {place}", spec) for place, spec in enumerate(self.given, 1))
        return [self._encoded(candidate) for candidate in given]

    def _completed(self, candidate: Candidate) -> Candidate:
        """With the recipe that the run has for its origin, as far as the space does not fix it."""
        own = {"baseline": self.settings.baseline_recipe}
        own |= dict.fromkeys(THINNER, self.settings.thinner_recipe)
        return self._trained_by(
            own.get(candidate.origin) or self._searched_recipe(candidate.spec.model), candidate
        )

    def _trained_by(self, usual: Recipe, candidate: Candidate) -> Candidate:
        recipe = replace(usual, **self.space.fixed)
        return self._encoded(replace(candidate, spec=replace(candidate.spec, recipe=recipe)))

    def _encoded(self, candidate: Candidate) -> Candidate:
        """As the sampler would have proposed it; with no proposal where it lies outside the space."""
        found = self.space.encode(candidate.spec)
        return candidate if found is None else replace(candidate, proposal=Proposal(*found))

    def _make_sampler(self, number: int) -> BaseSampler:
        seed = sampler_seed(self.settings.seed, number)
        return samplers.make(self.settings.sampler, seed=seed, space=self.space)
