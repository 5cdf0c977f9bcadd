"""Puts a search together: what is planned first, what samplers see, what stops trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lcsearch.core.records import Origin
from lcsearch.core.seeds import sampler_seed
from lcsearch.core.spec import ModelSpec, Regularizer, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.store import Proposal, Store
from lcsearch.search import samplers, stopping
from lcsearch.search.director import Search, Size
from lcsearch.search.history import History
from lcsearch.search.proposals.candidate import Candidate
from lcsearch.search.proposals.gate import Gate, Prepare
from lcsearch.search.proposals.handpicked import HandPicked, hand_picked, known_good
from lcsearch.search.proposals.queue import Proposer
from lcsearch.search.rungs import Rungs
from lcsearch.search.sampler_view import Limits, SamplerView
from lcsearch.search.space import BoundSpace
from lcsearch.search.space.ranges import FloatRange, IntRange

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Planner:
    """Everything that decides what a search proposes and stops.

    Attributes:
        space: The space, bound to the backbone.
        settings: Every setting of the run.
        validation_images: Images that an accuracy is measured on.
        given: Specs that the user wants tried first.
        size: Counts a model without training it.
        prepare: Makes what trials need that are cut out of a backbone; None where none are.
    """

    space: BoundSpace
    settings: RunSettings
    validation_images: int
    given: Sequence[TrialSpec]
    size: Size
    prepare: Prepare | None = None

    def search(self, store: Store, directory: RunDirectory) -> Search:
        """A search that goes on where the store stands."""
        store.settle()
        recorded = list(store.read())
        history = History(record for record, _ in recorded)
        directory.tidy((t for t in history if t.state != "running"), history.keepers())
        limits = Limits(self.settings.max_params, self.settings.max_macs)
        view = SamplerView(self.settings.objectives, limits, store.memory())
        for record, proposal in recorded:
            view.add(record, proposal)
        early, gate = self.planned(), None
        if self.prepare is not None:
            early = self._without_backbone()
            gate = Gate(directory, self.settings.waits, self.prepare, self._after_backbone)
        proposer = Proposer(early, self, self._make_sampler, view, history, gate)
        if any(trial.spec.recipe.init == "backbone" for trial in history):
            proposer.ready(history, lambda words: None)
        rule = stopping.find(self.settings.early_stopping)
        rungs = Rungs(self.validation_images, rule, self.settings.rung_factor)
        return Search(store, directory, self.settings, proposer, self.size, rungs, history)

    def planned(self) -> list[Candidate]:
        """The plain backbone, hand-picked models, what the user gave, then shapes known to be good."""
        return [
            *(self._candidate(*picked) for picked in hand_picked(self.space)),
            *self._given(),
            *(self._candidate(*picked) for picked in known_good(self.space)),
        ]

    def _without_backbone(self) -> list[Candidate]:
        """What needs no trained backbone: thinner nets, and the backbone itself where the run trains it.

        Thinner nets keep workers busy that would wait for the backbone; the others come after all else.
        """
        return self._hand_picked(*(("baseline", "thinner") if self.settings.waits else ("thinner",)))

    def _after_backbone(self, sensitive: Sequence[ModelSpec]) -> list[Candidate]:
        """What can be tried once there is a backbone to cut models out of.

        Largest first among those that promise to lose the least: each is cut out of the one before.
        """
        guided = [
            HandPicked("sensitivity", f"least loss at {format_count(self.size(model).params)}", model)
            for model in sensitive
        ]
        return [
            *([] if self.settings.waits else self._hand_picked("baseline")),
            *self._given(),
            *(self._candidate(*one) for one in guided),
            *self._hand_picked("uniform"),
        ]

    def _hand_picked(self, *origins: Origin) -> list[Candidate]:
        return [self._candidate(*one) for one in hand_picked(self.space) if one.origin in origins]

    def _given(self) -> list[Candidate]:
        return [
            Candidate("given", f"given {index}", spec, self._encode(spec))
            for index, spec in enumerate(self.given, 1)
        ]

    def suggest(self, trial: BaseTrial) -> TrialSpec:
        """Ask a trial for every choice and make them a spec."""
        found = self.space.suggest(trial)
        return TrialSpec(
            found.model, found.regularizer, replace(self.settings.searched_recipe, **found.train)
        )

    def _candidate(self, origin: Origin, label: str, model: ModelSpec) -> Candidate:
        fixed = {k: v for k, v in self.space.space.train.items() if not isinstance(v, FloatRange | IntRange)}
        own = {"baseline": self.settings.baseline_recipe, "thinner": self.settings.thinner_recipe}
        recipe = replace(own.get(origin, self.settings.searched_recipe), **fixed)
        spec = TrialSpec(model, Regularizer(), recipe)
        return Candidate(origin, label, spec, self._encode(spec))

    def _encode(self, spec: TrialSpec) -> Proposal:
        """A spec as the sampler would have proposed it; nothing where it lies outside the space."""
        found = self.space.encode(spec.model, spec.regularizer, spec.recipe.to_plain())
        return Proposal() if found is None else Proposal(*found)

    def _make_sampler(self, number: int) -> BaseSampler:
        seed = sampler_seed(self.settings.seed, number)
        return samplers.make(self.settings.sampler, seed=seed, space=self.space)
