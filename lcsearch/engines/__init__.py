"""Who runs which trial where, one engine a file; no training and no search.

An engine's file has an ``ENGINE``, an `EngineMaker`. What all engines share: a `Director` says what to run,
`run_job` runs it in a worker, and `tell` tells the director how it ended.
"""

from __future__ import annotations

from lcsearch.core import plugins
from lcsearch.engines._protocol import Director, Engine, EngineMaker, EngineSettings
from lcsearch.engines._run_job import Ending, Hear, run_job, tell

__all__ = ["Director", "Ending", "Engine", "EngineMaker", "EngineSettings", "Hear", "find", "run_job", "tell"]


def find(name: str) -> EngineMaker:
    """Import what makes the engine of a name.

    Raises:
        InputError: There is none, or it does not load.
    """
    maker: EngineMaker = plugins.find(plugins.ENGINE, name)
    return maker
