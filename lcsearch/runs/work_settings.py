"""Settings of how a run's work is done, which alter no result, as types of the fields of `RunSettings`."""

from __future__ import annotations

from typing import Annotated

from lcsearch.runs.setting import GOING_ON, Setting

Profile = Annotated[
    bool,
    Setting(
        "Measure where the workers' time goes: in the report and profile.csv (docs/report.md).",
        "run",
        GOING_ON,
        option="--profile/--no-profile",
    ),
]
