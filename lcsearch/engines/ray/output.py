"""Sends what Ray and Tune have to say to a log file, and switches off what the search does itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lcsearch.core.environment import environment
from lcsearch.engines.ray import private

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's own switches: no result files, no state files but one, no tables, no handler of Ctrl-C.
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    # The searcher already holds back; without this only one worker at a time would start.
    "TUNE_MAX_PENDING_TRIALS_PG": "1000000",
    # A worker that does not stop by itself is killed after so many seconds, not after ten minutes.
    "TUNE_FORCE_TRIAL_CLEANUP_S": "10",
}


class _Kept(list[logging.Handler]):
    """A logger's handlers that `ray.init` cannot clear away."""

    def clear(self) -> None:
        """Nothing."""


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Within it Ray and Tune write to a log file only, and send no statistics.

    Args:
        log: The log file; its folder exists.
    """
    with (
        environment(_ENVIRONMENT),
        _loggers_to(log),
        private.cluster_messages_logged(),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", module=r"ray(\.|$)")
        warnings.filterwarnings("ignore", message=".*Ray", category=FutureWarning)
        yield


@contextmanager
def _loggers_to(path: Path) -> Iterator[None]:
    """Send the ``ray`` loggers to a file instead of wherever they went."""
    import ray  # noqa: F401  importing it sets its loggers up, which must not come after this

    logger = logging.getLogger("ray")
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before = (logger.handlers, logger.propagate, logger.level)
    logger.handlers, logger.propagate = _Kept([handler]), False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        handler.close()
        logger.handlers, logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
