"""What a trial is: plain frozen records of a model, its regularizer and its training recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from lcsearch.core.checked import VERSION, Checked, ReadBy
from lcsearch.core.errors import InputError
from lcsearch.core.plugins import FAMILY, find

Precision = Literal["float32", "bfloat16"]
AskedPrecision = Literal["auto", "float32", "bfloat16"]
Augment = Literal["shift", "resize"]
Classes = Annotated[int, Ge(1)]
Channels = Annotated[int, Ge(1)]
Epochs = Annotated[int, Ge(1)]
BatchSize = Annotated[int, Ge(1)]
LearningRate = Annotated[float, Gt(0)]
WeightDecay = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
Init = Literal["scratch", "backbone", "trial"]
Reduction = Literal["mean", "sum"]
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """How one convolution's filters are made: the base of what each family says with fields of its own.

    Attributes:
        family: The family's name.
    """

    family: ClassVar[str]

    def to_plain(self) -> Plain:
        """Plain data for YAML and JSON; what is None is left out."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"family": self.family} | {name: value for name, value in own.items() if value is not None}


def read_layer(plain: Any) -> LayerSpec:
    """The inverse of `LayerSpec.to_plain`; the family is found by its name.

    Raises:
        PydanticCustomError: A family, a field or a value is not allowed.
    """
    from lcsearch.core.strict import problem, shown

    if isinstance(plain, LayerSpec):
        return plain
    if not isinstance(plain, dict):
        raise problem(f"{shown(plain)} is not allowed; write a family and its fields")
    if "family" not in plain:
        raise problem("is missing", ("family",))
    name, own = plain["family"], {key: value for key, value in plain.items() if key != "family"}
    try:
        family = find(FAMILY, name) if isinstance(name, str) else None
    except InputError as error:
        raise problem(str(error), ("family",)) from None
    if family is None:
        raise problem(f"{name!r} is not text", ("family",))
    made: LayerSpec = family.read(own)
    return made


def _or_none(plain: Any) -> Any:
    return {} if plain is None else plain


Layers = Annotated[Mapping[str, Annotated[LayerSpec, ReadBy(read_layer)]], ReadBy(_or_none, then=True)]
Kept = Annotated[float, Gt(0), Le(1)]
"""Share of a group's channels that stay."""


def _read_size(plain: Any) -> tuple[int, int] | None:
    """Height and width in pixels: a pair in plain data, or None."""
    from lcsearch.core.strict import problem, shown

    if plain is None:
        return None
    if isinstance(plain, list | tuple) and len(plain) == 2 and all(type(n) is int and n > 0 for n in plain):
        return plain[0], plain[1]
    raise problem(f"{shown(plain)} is not allowed; write [height, width], in pixels")


ImageSize = Annotated[tuple[int, int] | None, ReadBy(_read_size)]


@dataclass(frozen=True, slots=True)
class ModelSpec(Checked):
    """A backbone and what becomes of its convolutions.

    Attributes:
        backbone: A name that ``lcsearch.nets.backbones.build`` takes.
        num_classes: Outputs of the last layer.
        in_channels: Channels of the input images.
        width: Factor on the backbone's channel counts; 1 is the published net. Nothing proposes another any
            more: specs of older versions do.
        layers: Module name to its spec; a convolution that is not named stays plain.
        channels: Name of a group of channels (`lcsearch.nets.channels`) to the share of them that stays; of a
            group that is not named all stay.
        image_size: Height and width, in pixels, of the images on which the groups are found; None where all
            channels stay.
    """

    backbone: str
    num_classes: Classes
    in_channels: Channels
    width: Annotated[float, Gt(0)] = 1.0
    layers: Layers = field(default_factory=dict)
    channels: Annotated[Mapping[str, Kept], ReadBy(_or_none, then=True)] = field(default_factory=dict)
    image_size: ImageSize = None

    def to_plain(self) -> Plain:
        """Plain data for YAML and JSON; channels are left out where all stay."""
        plain = {
            "backbone": self.backbone,
            "num_classes": self.num_classes,
            "in_channels": self.in_channels,
            "width": self.width,
            "layers": {name: layer.to_plain() for name, layer in self.layers.items()},
        }
        if self.channels:
            plain["channels"] = dict(self.channels)
            plain["image_size"] = None if self.image_size is None else list(self.image_size)
        return plain


@dataclass(frozen=True, slots=True)
class Regularizer(Checked):
    """The correlation loss of the primary filters.

    Attributes:
        weight: Factor on the loss; 0 switches it off.
        every: The loss is added every n-th step.
        reduction: ``mean`` over off-diagonal pairs, or ``sum`` as published.
    """

    weight: Annotated[float, Ge(0)] = 0.0
    every: Annotated[int, Ge(1)] = 1
    reduction: Reduction = "mean"

    def to_plain(self) -> Plain:
        """Plain data for YAML and JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Recipe(Checked):
    """How a model is trained.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step.
        lr: Peak learning rate of SGD with Nesterov momentum.
        momentum: Momentum of SGD.
        weight_decay: L2 decay; not applied to batch norm, biases and coefficients.
        warmup: Share of all steps in which the learning rate rises linearly to its peak.
        label_smoothing: Label smoothing of the cross entropy.
        average: Time constant, in epochs, of the averaged weights that are evaluated; 0 for none.
        clip: Norm to which the gradient is cut; 0 for no limit.
        crop: Padding of the random crop, in pixels; None for the data set's own in long trainings, 0 in short
            ones (``lcsearch.train.augmentation``).
        flip: Random horizontal flips; None for the data set's own habit in long trainings, none in short
            ones.
        augment: ``shift`` for crops out of the padded image, as ``crop`` says; ``resize`` for random resized
            crops, and flips unless ``flip`` or the data set says no, in trainings of any length.
        coefficient_l1: L1 weight on sparse coefficients; 0 for none.
        precision: ``float32``, or ``bfloat16`` autocast.
        init: ``scratch`` for fresh weights; ``backbone`` for a model cut out of the trained backbone;
            ``trial`` for one that goes on from the weights that a trial of the same model has left.
        distill: Share of the loss that comes from the trained backbone's outputs, in [0, 1]; 0 for none.
    """

    epochs: Epochs = 4
    batch_size: BatchSize = 64
    lr: LearningRate = 0.05
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    weight_decay: WeightDecay = 5e-4
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.25
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    average: Annotated[float, Ge(0)] = 0.25
    clip: Annotated[float, Ge(0)] = 1.0
    crop: Annotated[int, Ge(0)] | None = None
    flip: bool | None = None
    augment: Augment = "shift"
    coefficient_l1: Annotated[float, Ge(0)] = 0.0
    precision: Precision = "float32"
    init: Init = "scratch"
    distill: Share = 0.0

    @property
    def is_cut_out(self) -> bool:
        """Whether the model is cut out of a trained one."""
        return self.init == "backbone"

    @property
    def needs_backbone(self) -> bool:
        """Whether there must be a trained backbone: to be cut out of, or to learn from."""
        return self.is_cut_out or self.distill > 0

    def to_plain(self) -> Plain:
        """Plain data for YAML and JSON; ``augment`` is left out where it is what older versions did."""
        plain = asdict(self)
        if self.augment == "shift":
            del plain["augment"]
        return plain


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """Everything that decides a trial's result, apart from the data and the seed."""

    model: ModelSpec
    regularizer: Regularizer = Regularizer()
    recipe: Recipe = Recipe()

    def to_plain(self) -> Plain:
        """Plain data for YAML and JSON, in the layout of a config file."""
        return {
            "version": VERSION,
            **self.model.to_plain(),
            "regularizer": self.regularizer.to_plain(),
            "recipe": self.recipe.to_plain(),
        }

    def fingerprint(self) -> str:
        """A digest that two specs share exactly when they train the same model the same way."""
        text = json.dumps(self.to_plain(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
