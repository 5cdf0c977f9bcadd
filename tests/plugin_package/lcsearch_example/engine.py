"""An engine: worker processes as ours has them, one trial at a time."""

from __future__ import annotations

from dataclasses import replace

from lcsearch.engines import Engine, EngineSettings
from lcsearch.engines.local import ENGINE


def one_by_one(settings: EngineSettings) -> Engine:
    return ENGINE(replace(settings, jobs=1))
