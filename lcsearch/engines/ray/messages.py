"""What a worker tells the driver; how a job ended is the third of them, `Ending`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lcsearch.core.job import Metrics
from lcsearch.engines import Ending


@dataclass(frozen=True)
class Started:
    """A worker has begun its job.

    Attributes:
        worker: What users call it: its address and its node.
        actor: Ray's handle of it, for verdicts.
    """

    worker: str
    actor: Any


@dataclass(frozen=True)
class Epoch:
    """A job has finished an epoch.

    Attributes:
        number: The epoch, 1 for the first.
        metrics: Its metrics.
    """

    number: int
    metrics: Metrics


Message = Started | Epoch | Ending
