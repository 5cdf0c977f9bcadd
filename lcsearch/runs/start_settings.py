"""Settings of which models are cut out of a backbone, as types of the fields of `RunSettings`."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt

from lcsearch.core.spec import Share
from lcsearch.runs.setting import Rule, Setting

Inherit = Annotated[
    bool,
    Setting(
        "Cut a model out of the next larger one on the front, or always out of the backbone.",
        "start",
        ("run",),
        Rule("yes, unless models start from scratch", lambda place: place.init != "scratch"),
        option="--inherit/--no-inherit",
    ),
]
ScratchBelow = Annotated[
    Share,
    Setting(
        "Train from scratch what has less than this share of the backbone's parameters.",
        "start",
        ("run",),
        Rule("1/8, unless all start from scratch", lambda place: (place.init != "scratch") / 8),
    ),
]
Screen = Annotated[
    int,
    Ge(0),
    Setting("Cut out so many candidates before a trial and train one of them; 0 is off.", "start", ("run",)),
]
ScreenImages = Annotated[
    float,
    Gt(0),
    Lt(1),
    Setting("Share of the training images that these are judged by.", "start", ("run",), metavar="SHARE"),
]
