"""What a user may say of a run: the settings that run.yaml holds, and others that become part of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from lcsearch.core.errors import InputError, did_you_mean
from lcsearch.core.spec import (
    AskedPrecision,
    Augment,
    BatchSize,
    Channels,
    Classes,
    Epochs,
    LearningRate,
    Recipe,
    Share,
    WeightDecay,
)
from lcsearch.runs.setting import GROUPS, NEW, READING, Call, Place, Rule, Setting, by_device, declared
from lcsearch.runs.settings import RECORDED
from lcsearch.runs.values import Count, FileOrMapping, FilePath, listed

Asked = Mapping[str, Any]
"""What a user said, checked, by the names of settings; what was left to us is not in it."""

GONE = {
    "search_width": "is gone; the layers of a space say which channels are searched, as those shipped do: "
    "channels: {low: 0.25, high: 1.0, log: true}"
}
"""What to do instead of settings that older versions took, by their names."""

MOST_SEEDS = 999
"""How often a model may be retrained."""

_RUN: tuple[Call, ...] = ("run",)
_SEARCH: tuple[Call, ...] = ("search",)


def _taught(place: Place) -> float:
    unknowing = place.new_head and place.init != "trained"  # a new last layer has nothing to teach
    return 0.0 if unknowing else 0.5  # docs/trained.md


class _Becoming:
    """Settings that become part of those that run.yaml holds, of its facts or of its space."""

    num_classes: Annotated[Classes, Setting("Outputs of the model.", "data", _SEARCH, required=_SEARCH)]
    in_channels: Annotated[Channels, Setting("Channels of an image.", "data", _SEARCH, required=_SEARCH)]
    image_column: Annotated[
        str,
        Setting(
            "The column of the images of hf:NAME.", "data", READING, Rule("found by its type"), metavar="NAME"
        ),
    ]
    label_column: Annotated[
        str,
        Setting(
            "The column of the labels of hf:NAME.", "data", READING, Rule("found by its type"), metavar="NAME"
        ),
    ]
    space: Annotated[
        str,
        Setting(
            "Says what is searched: a name from 'lcsearch spaces', or a file.",
            "search",
            READING,
            Rule("the backbone's own, else generic"),
            metavar="NAME|FILE",
        ),
    ]
    kinds: Annotated[
        tuple[str, ...],
        listed,
        Setting(
            "Families that layers may become: linear,basis.",
            "search",
            (*NEW, "sensitivity"),
            Rule("those that the space names"),
            metavar="NAME,NAME",
        ),
    ]
    given: Annotated[
        tuple[str, ...],
        listed,
        Setting(
            "Try this config, or a run's front, first.",
            "search",
            NEW,
            (),
            metavar="CONFIG|RUN",
            option="--from",
            repeated=True,
        ),
    ]
    epochs: Annotated[
        Epochs, Setting("Epochs of a trial.", "training", NEW, by_device(3, 12), required=_SEARCH)
    ]
    batch_size: Annotated[BatchSize, Setting("Images per step.", "training", _RUN, Recipe().batch_size)]
    lr: Annotated[LearningRate, Setting("Peak learning rate.", "training", _RUN, Recipe().lr)]
    weight_decay: Annotated[
        WeightDecay, Setting("L2 decay of the filters.", "training", _RUN, Recipe().weight_decay)
    ]
    precision: Annotated[
        AskedPrecision,
        Setting("Arithmetic of training; auto takes what the device is faster in.", "training", _RUN, "auto"),
    ]
    augment: Annotated[
        Augment,
        Setting(
            "Views of training images: shifted, in long trainings; or random parts, resized, in all.",
            "training",
            _RUN,
            Recipe().augment,
        ),
    ]
    recipe: Annotated[
        FileOrMapping,
        Setting(
            "Any of the recipe's values.",
            "training",
            NEW,
            metavar="FILE",
        ),
    ]
    fine_tune_epochs: Annotated[
        Epochs,
        Setting("Epochs of a model that was cut out of the backbone.", "start", _RUN, by_device(1, 4)),
    ]
    fine_tune_lr: Annotated[LearningRate, Setting("Peak learning rate of it.", "start", _RUN)]
    distill: Annotated[
        Share,
        Setting(
            "Share of its loss from the backbone.",
            "start",
            _RUN,
            Rule("0.5; 0 with a new head of given weights", _taught),
            metavar="SHARE",
        ),
    ]
    out: Annotated[
        FilePath,
        Setting(
            "The run directory.", "run", NEW, Rule("runs/BACKBONE-DATE"), metavar="DIR", required=_SEARCH
        ),
    ]


class _OfRetrain:
    """What only ``lcsearch retrain`` takes, or takes in another sense."""

    top: Annotated[int, Ge(1), Setting("Only so many of the front: those that make most of it.")]
    trial: Annotated[
        tuple[Annotated[int, Ge(0)], ...],
        listed,
        Setting("Only this trial, instead of the front.", default=(), repeated=True),
    ]
    epochs: Annotated[Epochs, Setting("Epochs of each training.", default=Rule("3 x the run's"))]
    seeds: Annotated[int, Ge(1), Le(MOST_SEEDS), Setting("Trainings of each model.", default=3)]
    init: Annotated[
        Literal["scratch", "compressed", "both"],
        Setting(
            "Fresh weights, or on from the trial's own; both says which is better.",
            default=Rule("as the run"),
        ),
    ]


class _OfSensitivity:
    """What only ``lcsearch sensitivity`` takes, or takes in another sense."""

    init: Annotated[
        str,
        Setting(
            "Trained weights: safetensors, a state_dict, a run's backbone, or published.",
            metavar="FILE|RUN|pretrained",
            required=("sensitivity",),
        ),
    ]
    train_images: Annotated[Count, Setting("Training images to take from.", default=Rule("all"))]


INPUTS: tuple[Setting, ...] = (
    *declared(_OfRetrain, ("retrain",)).values(),
    *declared(_OfSensitivity, ("sensitivity",)).values(),
    *sorted(
        [*(one for one in RECORDED.values() if one.takes), *declared(_Becoming).values()],
        key=lambda setting: GROUPS.index(setting.group),
    ),
)
"""Every setting that somebody takes; those of a run in the order of `GROUPS`."""


def inputs_of(call: Call) -> dict[str, Setting]:
    """The settings that a command or `lcsearch.search` takes, by name."""
    return {setting.name: setting for setting in INPUTS if call in setting.takes}


def checked(said: Mapping[str, Any], call: Call) -> dict[str, Any]:
    """What a user said, without what is None.

    Args:
        said: Values by the names of settings.
        call: Who takes them.

    Raises:
        InputError: There is no such setting, a value is not allowed, or one is missing.
    """
    known = inputs_of(call)
    for name in said:
        if name not in known and name in RECORDED:
            raise InputError("cannot be changed: it would alter the results of trials", setting=name)
        if name not in known:
            raise InputError(f"there is no such setting; {did_you_mean(name, known)}", setting=name)
    for name, setting in known.items():
        if call in setting.required and said.get(name) is None:
            raise InputError("is missing", setting=name)
    return {name: known[name].check(value) for name, value in said.items() if value is not None}
