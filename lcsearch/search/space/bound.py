"""A space bound to a backbone: choices in, canonical specs out, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lcsearch.core.parameters import Choice, NotInSpace, Number, Replay, Trial
from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
from lcsearch.core.text import format_count
from lcsearch.layers import lookup
from lcsearch.layers.offer import End, Offer
from lcsearch.layers.shape import Shapes
from lcsearch.search.space.bonds import Bonds
from lcsearch.search.space.common import Common, same_trial
from lcsearch.search.space.groups import Group, Layers, Pick
from lcsearch.search.space.schema import Space
from lcsearch.search.space.thin_sizes import Kept
from lcsearch.search.space.thinning import Thinning
from lcsearch.search.space.way_back import least_shrink, picks_of

if TYPE_CHECKING:
    from torch import nn

Answers = tuple[dict[str, Any], dict[str, Any]]
"""What a trial answered, by parameter, and the Optuna distributions of these parameters."""

_RECIPE = Recipe()
_NO_BONDS = Bonds()
_MODELS = 16


@dataclass(frozen=True, slots=True)
class BoundSpace:
    """A space bound to a backbone.

    Attributes:
        space: What the file says.
        template: Backbone, classes and channels of every spec.
        common: The choices that mean all layers.
        groups: The choices over convolutions, in module order of their first members.
        thinning: The choices over channels; without groups where the space lets none go.
        all_channels: The net's groups of channels; where the space lets none go, they are found when they are
            first asked for.
        bonds: Layers that choose together, and why others cannot.
    """

    space: Space
    template: ModelSpec
    common: Common
    groups: tuple[Group, ...]
    thinning: Thinning
    all_channels: Callable[[], Thinning]
    bonds: Bonds = _NO_BONDS
    _models: dict[tuple[Any, ...], ModelSpec] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def searched_layers(self) -> tuple[str, ...]:
        """Module names of the convolutions that are searched, in module order."""
        names = {name for group in self.groups for name in group.members}
        return tuple(name for name in self.shapes(self.thinning.full) if name in names)

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the families that some convolution may become, without the plain convolution."""
        return tuple(dict.fromkeys(kind for group in self.groups for kind in group.families))

    @property
    def alone(self) -> tuple[Group, ...]:
        """The groups of layers that choose for themselves, where they may."""
        return tuple(own for group in self.groups for own in group.alone())

    def offers(self, family: str) -> Iterator[Offer[Any, Any]]:
        """What a family offers, to layers alone and together."""
        for group in self.groups:
            for own in dict.fromkeys((group, *group.alone())):
                if family in own.offers:
                    yield own.offers[family]

    def learn(self, convs: Mapping[str, nn.Conv2d]) -> None:
        """Tell offers of the trained convolutions that models are cut out of, by name."""
        for offer in (offer for family in self.families for offer in self.offers(family)):
            offer.learn({name: convs[name] for name in offer.members})
        self._models.clear()

    @property
    def parameters(self) -> tuple[Choice | Number, ...]:
        """Everything that the sampler can be asked for, what depends on other choices included."""
        own = [parameter for group in self.groups for parameter in group.parameters()]
        channels = [choice.number for choice in self.thinning.choices]
        return (*self.common.parameters, *channels, *own)

    @property
    def fixed(self) -> dict[str, Any]:
        """Fields of the recipe that the space fixes."""
        return dict(self.common.fixed)

    @property
    def dimensions(self) -> int:
        """How many parameters the sampler can be asked for."""
        return len(self.parameters)

    def suggest(self, trial: Trial, recipe: Recipe = _RECIPE) -> TrialSpec:
        """Ask a trial for every choice.

        Args:
            trial: An ``optuna.Trial`` or anything with its three ``suggest`` methods.
            recipe: Gives the fields that the space neither fixes nor searches.

        Returns:
            A canonical spec: two that train the same model the same way are equal. The regularizer is off
            where no layer has anything that it means.
        """
        model = self._model(*self.choices(trial))
        weight, trained = self.common.suggest(trial, recipe)
        return TrialSpec(model, Regularizer(weight if lookup.regularized(model.layers) else 0.0), trained)

    def choices(self, trial: Trial) -> tuple[Kept, tuple[Pick, ...]]:
        """Ask for the channels that stay and for the choice of each group: what a model is made of."""
        shrink = self.common.shrink.suggest(trial)
        kept = self.thinning.suggest(trial, shrink)
        return kept, tuple([group.suggest(trial, shrink) for group in self.groups])

    def decode(self, params: Mapping[str, Any], recipe: Recipe = _RECIPE) -> TrialSpec:
        """What given values of the parameters mean; values that are not asked for are ignored.

        Raises:
            NotInSpace: A value is missing or out of its range.
        """
        return self.suggest(Replay(params), recipe)

    def encode(self, spec: TrialSpec) -> Answers | None:
        """The answers that mean a spec: the inverse of ``suggest``; None if it lies outside the space.

        Args:
            spec: A spec of the same backbone; it need not be canonical. Its regularizer does not matter where
                no layer has anything that it means, nor do fields of its recipe that the space neither fixes
                nor searches.
        """
        if spec.model.channels and not self.thinning.groups:
            return None
        model = self.canonical(spec.model)
        if model is None or replace(model, layers={}, channels={}, image_size=None) != self.template:
            return None
        if not model.layers.keys() <= set(self.searched_layers):
            return None
        whole, kept = replace(spec, model=model), self.thinning.counts(model.channels)
        picks = picks_of(self.groups, model.layers, self.shapes(kept))
        answers = None if picks is None else self.answers(whole, picks)
        if picks is None or answers is not None:
            return answers
        # a number on the edge between two counts falls off it when shrink is taken out and put in again
        shrink = least_shrink(self.common, self.thinning, kept, self.groups, picks)
        others = picks_of(self.groups, model.layers, self.shapes(kept), shrink)
        return None if others is None else self.answers(whole, others)

    def answers(self, spec: TrialSpec, picks: Sequence[Pick]) -> Answers | None:
        """As `encode`, where the choices are known that make the layers.

        Args:
            spec: A spec of the space's backbone, its model canonical.
            picks: One for each group; together they make the model's layers.
        """
        kept = self.thinning.counts(spec.model.channels)
        values = self._layer_answers(kept, picks)
        if values is None:
            return None
        values |= self.common.answers(spec)
        replay = Replay(values)
        self._keep(kept, tuple(picks), spec.model)
        try:
            found = self.suggest(replay, spec.recipe)
        except NotInSpace:
            return None
        return (replay.params, replay.distributions) if same_trial(found, spec) else None

    def shapes(self, kept: Kept) -> Shapes:
        """The shapes of all convolutions with so many channels in each group of `thinning`."""
        return self.thinning.shapes(kept)

    def model(self, kept: Kept, layers: Layers) -> ModelSpec:
        """A model of the space's backbone, its layers in module order."""
        return self._made(self.thinning, kept, layers)

    def thinner(self, share: float) -> ModelSpec:
        """The plain net with one share of the channels of every group, whatever the space says of them."""
        thinning = self.all_channels()
        return self._made(thinning, thinning.at(share), {})

    def canonical(self, model: ModelSpec) -> ModelSpec | None:
        """The one spec of all that build the same model; None if a name is unknown or does not fit."""
        thinning = self._thinning(model)
        kept = thinning.kept(model.channels)
        if kept is None or model.width != self.template.width:
            return None
        shapes = thinning.shapes(kept)
        if not model.layers.keys() <= shapes.keys():
            return None
        try:
            layers = lookup.canonicals(shapes, model.layers)
        except ValueError:
            return None
        channels = thinning.channels(kept)
        size = thinning.image_size if channels else None
        return replace(model, channels=channels, image_size=size, layers=_in_order(layers, shapes))

    def plain(self) -> ModelSpec:
        """The backbone itself, with all channels and nothing compressed."""
        return self.template

    def smallest(self) -> ModelSpec:
        """The model of the space with the fewest parameters."""
        return self._extreme(self.thinning.least, "smallest")

    def largest(self) -> ModelSpec:
        """The model of the space with the most parameters."""
        return self._extreme(self.thinning.most, "largest")

    def params(self, model: ModelSpec) -> int:
        """Parameters of a model of this backbone, by arithmetic: no model is built.

        Raises:
            InputError: Its channels are none of this net's.
            ValueError: It has another width.
        """
        if model.width != self.template.width:
            raise ValueError(f"a net of width {model.width:g} is none of width {self.template.width:g}")
        thinning = self._thinning(model)
        kept = thinning.counts(model.channels)
        sizes = lookup.sizes(thinning.shapes(kept), model.layers)
        return thinning.other_params(kept) + sum(size.stored for size in sizes.values())

    def describe(self) -> list[str]:
        """A few lines about what is searched, for people."""
        names, shapes = self.searched_layers, self.shapes(self.thinning.full)
        shared = {"layer": "each for itself", "stage": "one choice a stage", "network": "one choice for all"}
        common = [parameter.name for parameter in self.common.parameters]
        small, large = self.params(self.smallest()), self.params(self.largest())
        least = "at least " if self.space.of_weights else ""
        lines = [
            f"{len(names)} of {len(shapes)} convolutions are searched, {shared[self.space.granularity]}: "
            f"{len(self.groups)} choices, {self.dimensions} dimensions",
            self.thinning.words(),
            self.bonds.words(),
            "also searched: " + ", ".join(common) if common else None,
            f"smallest model {least}{format_count(small)} parameters, largest {format_count(large)}",
        ]
        return [line for line in lines if line is not None]

    def _thinning(self, model: ModelSpec) -> Thinning:
        """What counts a model: its net's groups are looked for only where it has fewer channels."""
        return self.all_channels() if model.channels else self.thinning

    def _made(self, thinning: Thinning, kept: Kept, layers: Layers) -> ModelSpec:
        channels = thinning.channels(kept)
        return replace(
            self.template,
            channels=channels,
            image_size=thinning.image_size if channels else None,
            layers=_in_order(layers, thinning.shapes(kept)),
        )

    def _model(self, kept: Kept, picks: tuple[Pick, ...]) -> ModelSpec:
        """The model that choices make."""
        if (kept, picks) not in self._models:
            shapes, layers = self.shapes(kept), Layers()
            for group, pick in zip(self.groups, picks, strict=True):
                layers |= group.layers(pick, shapes)
            self._keep(kept, picks, self.model(kept, layers))
        return self._models[kept, picks]

    def _keep(self, kept: Kept, picks: tuple[Pick, ...], model: ModelSpec) -> None:
        """Keep the latest models: a proposal is checked, then asked for, then seen as a trial."""
        if len(self._models) >= _MODELS:
            self._models.clear()
        self._models[kept, picks] = model

    def _layer_answers(self, kept: Kept, picks: Sequence[Pick]) -> dict[str, Any] | None:
        """Answers for the least shrink, channels and groups; None where none give these channels."""
        shrink = least_shrink(self.common, self.thinning, kept, self.groups, picks)
        answers = self.thinning.answers(kept, shrink)
        if answers is None:
            return None
        values: dict[str, Any] = {"shrink": shrink, **answers}
        for group, pick in zip(self.groups, picks, strict=True):
            values |= group.answers(pick, shrink)
        return values

    def _extreme(self, kept: Kept, end: End) -> ModelSpec:
        shapes = self.shapes(kept)
        return self._model(kept, tuple(group.extreme(shapes, end) for group in self.groups))


def _in_order(layers: Layers, shapes: Shapes) -> Layers:
    return {name: layers[name] for name in shapes if name in layers}
