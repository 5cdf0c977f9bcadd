"""What a run.yaml holds that no program made."""

from __future__ import annotations

from lcsearch.core.checked import VERSION
from lcsearch.runs.run_file import Facts, RunFile
from lcsearch.runs.settings import RunSettings


def run_file(settings: RunSettings, facts: Facts) -> RunFile:
    """The content of a run.yaml; what was searched is not said."""
    about = {"versions": {"lcsearch": "0.1.0"}, "machine": {"python": "3.11.7"}, "made_at": "2026-01-01"}
    return RunFile(VERSION, settings=settings, facts=facts, given=[], space={}, **about)  # type: ignore[arg-type]
