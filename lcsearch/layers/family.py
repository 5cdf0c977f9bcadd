"""What the rest of lcsearch needs to know of one way of making a convolution's filters.

A family is one file of ``lcsearch/layers/families``, which defines ``FAMILY``. Nothing else knows a family's
fields by name. Most families make each layer by itself: they implement the methods on one layer. In others
several layers share a tensor: these override `Family.together` and the methods on several layers, which get
all layers of one bundle at once, and to be searched `partners` and `offer_together`, where only the whole net
says who can share. What a built layer can tell of itself is in ``lcsearch.layers.layer``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from lcsearch.core.spec import LayerSpec, Reduction
from lcsearch.core.text import format_share
from lcsearch.layers.option import Option
from lcsearch.layers.shape import ConvShape, Places, Shapes, Size

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lcsearch.layers.closeness import Target
    from lcsearch.layers.layer import FamilyLayer
    from lcsearch.layers.offer import Offer, Rule
    from lcsearch.layers.partners import Partners, Sets

SpecT = TypeVar("SpecT", bound=LayerSpec)
Numbers = Mapping[str, float | int | None]
"""A family's own numbers by name, as tables and records show them."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compress a layer, as ``lcsearch sensitivity`` tries it.

    Attributes:
        spec: Canonical.
        params: Numbers that the layer then stores.
        numbers: What tells it from the family's other ways, by name, for tables and files.
        label: What layers that are compressed this way have in common, such as ``1/4, rank 1/8 p``.
        order: Sorts labels: the least compressed first.
    """

    spec: LayerSpec
    params: int
    numbers: Numbers
    label: str
    order: tuple[float, ...]


class Family(ABC, Generic[SpecT]):
    """One way of making a convolution's filters.

    Attributes:
        name: As specs, spaces and tables write it.
        colour: Its colour in plots, as ``#rrggbb``.
        spec: Its own frozen fields.
        options: What ``lcsearch profile`` takes for it; at most one may be given that is neither required nor
            in the place of one that is.
        features: How many numbers `describe` returns.
        short_of: What `short` says: ``alpha``.
    """

    name: ClassVar[str]
    colour: ClassVar[str]
    spec: type[SpecT]
    options: ClassVar[tuple[Option, ...]] = ()
    features: ClassVar[int] = 0
    short_of: ClassVar[str] = ""

    # What a spec is.

    def read(self, plain: Mapping[str, Any]) -> SpecT:
        """The spec of plain data without its ``family``.

        Raises:
            PydanticCustomError: A field is unknown or its value not allowed.
        """
        from lcsearch.core.strict import adapter, first_mistake, problem

        mistake = first_mistake(self.spec, dict(plain))
        if mistake is not None:
            raise problem(mistake[1], mistake[0])
        made: SpecT = adapter(self.spec).validate_python(dict(plain))
        return made

    def refuses(self, shape: ConvShape) -> str | None:
        """Why a convolution of this shape cannot be of the family, in words; None where it can."""
        return None

    @abstractmethod
    def canonical(self, shape: ConvShape, spec: SpecT) -> SpecT | None:
        """The one spec that stands for every spec of the same layer.

        Returns:
            The spec, which has the size of the given one; None where it saves nothing, so that the layer
            should be the plain convolution.

        Raises:
            ValueError: A value of the spec is out of its range, or does not fit the shape.
        """

    def canonicals(self, shapes: Shapes, specs: Mapping[str, SpecT]) -> dict[str, SpecT]:
        """The canonical specs of the layers of one bundle; a layer that should be plain is left out.

        Raises:
            ValueError: A value of a spec is out of its range, or does not fit its shape.
        """
        found = ((name, self.canonical(shapes[name], spec)) for name, spec in specs.items())
        return {name: spec for name, spec in found if spec is not None}

    # Sizes, from shapes alone.

    @abstractmethod
    def size(self, shape: ConvShape, spec: SpecT) -> Size:
        """Numbers of one layer, its bias included.

        Raises:
            ValueError: A value of the spec is out of its range.
        """

    @abstractmethod
    def macs(self, shape: ConvShape, spec: SpecT, places: Places) -> int:
        """Multiply-accumulates for one image, in the cheaper exported form."""

    def together(self, name: str, spec: SpecT) -> str:
        """The bundle of a layer: layers that share tensors have one, every other layer its own."""
        return name

    def sizes(self, shapes: Shapes, specs: Mapping[str, SpecT]) -> dict[str, Size]:
        """Numbers of the layers of one bundle; what they share counts in the first."""
        return {name: self.size(shapes[name], spec) for name, spec in specs.items()}

    # Layers.

    @abstractmethod
    def fresh(self, conv: nn.Conv2d, spec: SpecT) -> FamilyLayer:
        """A layer in place of a convolution, freshly initialised on its device and in its dtype.

        Raises:
            ValueError: A value of the spec is out of its range, or does not fit the convolution.
        """

    def fresh_bundle(
        self, convs: Mapping[str, nn.Conv2d], specs: Mapping[str, SpecT]
    ) -> dict[str, FamilyLayer]:
        """Fresh layers of one bundle, by name."""
        return {name: self.fresh(convs[name], spec) for name, spec in specs.items()}

    @abstractmethod
    def spec_of(self, layer: FamilyLayer) -> SpecT:
        """The spec that a layer was made with."""

    def fit(self, layer: FamilyLayer, target: Target) -> None:
        """Give a layer the filters that are closest to given ones; its bias stays."""
        raise TypeError(f"family {self.name}: its layers are fitted in bundles")

    def fit_bundle(self, layers: Mapping[str, FamilyLayer], targets: Mapping[str, Target]) -> None:
        """Give the layers of one bundle the filters that are closest to given ones."""
        for name, layer in layers.items():
            self.fit(layer, targets[name])

    def regularization(self, layers: Sequence[FamilyLayer], reduction: Reduction) -> Tensor | None:
        """What the regularizer weight multiplies, summed over layers; None where the family has nothing."""
        return None

    @property
    def regularizes(self) -> bool:
        """Whether the family says what the weight multiplies: otherwise its layers train alike with any."""
        return type(self).regularization is not Family.regularization

    # The search.

    @property
    def rule(self) -> type[Rule] | None:
        """What a space may say about its fields; None where it is not searched."""
        return None

    def offer(self, rule: Any, group: str, shapes: Shapes) -> Offer[SpecT, Any]:
        """What a space offers to one group of convolutions.

        Args:
            rule: What the space says, an instance of ``rule``.
            group: The group's name: parameters are called ``GROUP/...``.
            shapes: The group's convolutions that can be of the family, at the largest width.
        """
        raise TypeError(f"family {self.name}: is not searched")

    def partners(self, rule: Any, shapes: Shapes) -> Partners | None:
        """Which layers of a net can be of the family only together; None where each can by itself.

        Args:
            rule: What a space says of all of them, an instance of ``rule``.
            shapes: All convolutions of the net that can be replaced, in module order.
        """
        return None

    @property
    def pairs(self) -> bool:
        """Whether its layers have partners: then `offer_together` takes the place of `offer`."""
        return type(self).partners is not Family.partners

    def offer_together(
        self, rule: Any, group: str, shapes: Shapes, sets: Sets, *, each: bool
    ) -> Offer[SpecT, Any]:
        """As `offer`, for layers that have partners.

        Args:
            rule: As for `offer`.
            group: As for `offer`.
            shapes: The layers of all sets, whose shapes stay equal within a set.
            sets: Who is with whom, as `partners` said, as far as the space lets them.
            each: Whether each layer has what is its own, rather than all of them one choice.
        """
        raise TypeError(f"family {self.name}: its layers need no partners")

    def ways(self, shape: ConvShape) -> Sequence[Way]:
        """Ways to compress one layer whose loss is worth measuring, none twice, by falling parameters."""
        return ()

    def read_way(self, numbers: Numbers, params: int) -> Way:
        """The way of these numbers.

        Raises:
            KeyError, TypeError, ValueError: They are none of this family.
        """
        raise KeyError(f"family {self.name}: none of its ways is measured")

    def describe(self, shape: ConvShape, spec: SpecT) -> tuple[float, ...]:
        """Numbers that a surrogate learns from, ``features`` many; all 0 is the plain convolution."""
        return ()

    # Words.

    @abstractmethod
    def words(self, spec: SpecT) -> str:
        """How a layer's filters are made, in a few words: ``alpha 1/4, rank 10``."""

    def waste(self, shape: ConvShape, spec: SpecT) -> str | None:
        """What of a spec makes its layer no smaller than without it, in a few words; None if nothing does."""
        return None

    def short(self, spec: SpecT) -> str:
        """The same in a few characters, for a row of many layers that begins with ``short_of``."""
        return self.words(spec)

    def share_words(self, share: float) -> str:
        """What layers are called that keep this share, as `Offer.at_share` makes them: ``alpha 1/4``."""
        return f"{self.name} {format_share(share)}"

    @abstractmethod
    def numbers(self, spec: SpecT) -> Numbers:
        """Its own numbers by name, None for what it does not have."""

    @abstractmethod
    def cells(self, numbers: Numbers) -> tuple[str, str]:
        """Two cells of a table about a layer: how much of it there is, and of what kind."""

    def coordinates(self, spec: SpecT | None) -> tuple[float, ...]:
        """Numbers that tell how different two specs are, for the report's importance of choices.

        Args:
            spec: One of its own; None is a layer that is not of the family.
        """
        return ()

    def chosen(self, shape: ConvShape, numbers: Mapping[str, Any]) -> SpecT:
        """The spec for one layer of what ``lcsearch profile`` was given for all, by its options.

        Raises:
            ValueError: They do not fit the shape.
        """
        raise TypeError(f"family {self.name}: has no options")

    def chosen_for(self, conv: nn.Conv2d, shape: ConvShape, numbers: Mapping[str, Any]) -> SpecT:
        """The same, of a convolution whose weights may matter.

        Raises:
            ValueError: They do not fit the shape, or the weights matter and there are none.
        """
        return self.chosen(shape, numbers)

    def chosen_together(
        self, convs: Mapping[str, nn.Conv2d], shapes: Shapes, numbers: Mapping[str, Any]
    ) -> dict[str, SpecT]:
        """The same for all convolutions of a net, in module order, some of which may be left out.

        Raises:
            ValueError: They do not fit a shape, or weights matter and there are none.
        """
        found = {name: shape for name, shape in shapes.items() if self.refuses(shape) is None}
        return {name: self.chosen_for(convs[name], shape, numbers) for name, shape in found.items()}

    def left_out(self, shapes: Shapes, numbers: Mapping[str, Any]) -> dict[str, str]:
        """Why `chosen_together` leaves out layers, in words."""
        reasons = {name: self.refuses(shape) for name, shape in shapes.items()}
        return {name: why for name, why in reasons.items() if why is not None}
