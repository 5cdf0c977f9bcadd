"""Settings of the front models that train longer at a run's end, as types of the fields of `RunSettings`."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Lt

from lcsearch.core.spec import Epochs
from lcsearch.runs.setting import Call, Setting

_RUN: tuple[Call, ...] = ("run", "resume")

Finish = Annotated[
    float,
    Ge(0),
    Lt(1),
    Setting(
        "Share of the trials, the last ones, that are front models which train on; 0 is off.",
        "search",
        _RUN,
        metavar="SHARE",
    ),
]
FinishEpochs = Annotated[Epochs, Setting("Epochs for which each of these trains on.", "search", _RUN)]
