"""Settings of how a run's work is done, which alter no result, as types of the fields of `RunSettings`."""

from __future__ import annotations

from typing import Annotated

from lcsearch.runs.defaults import jobs_at
from lcsearch.runs.setting import GOING_ON, WORKING, Call, Rule, Setting
from lcsearch.runs.values import AtOnce, Count

_WITH_IMAGES: tuple[Call, ...] = ("run", "resume", "retrain")

Jobs = Annotated[
    AtOnce | None,
    Setting(
        "Trials at once; auto: as many as pay (docs/search.md).",
        "workers",
        WORKING,
        Rule("CPU cores; 1 on a GPU; with Ray what the cluster fits", jobs_at),
    ),
]
Profile = Annotated[
    bool,
    Setting(
        "Measure where the workers' time goes: in the report and profile.csv (docs/report.md).",
        "run",
        GOING_ON,
        option="--profile/--no-profile",
    ),
]
DataMemory = Annotated[
    Count | None,
    Setting(
        "Bytes of memory for decoded images, as 500M or 4G; more are read from files, as they are needed.",
        "data",
        _WITH_IMAGES,
        Rule("half of what is free"),
        metavar="SIZE",
    ),
]
DataCache = Annotated[
    str | None,
    Setting(
        "The folder of these files.", "data", _WITH_IMAGES, Rule("streamed/ in the cache"), metavar="PATH"
    ),
]
