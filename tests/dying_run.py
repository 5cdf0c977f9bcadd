"""lcsearch as a user types it, which a signal ends in the midst of its search; a program of its own.

    python dying_run.py EPOCHS SECONDS SIGNAL COMMAND...

The signal comes as so many epochs are recorded, or so many seconds after the first one if that is earlier.
The process sends it to itself: a test that looks on from outside may come too late, when the run has ended.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from lcsearch.core.records import EpochRecord


def die(epochs: int, seconds: float, how: signal.Signals) -> None:
    """Have this process send itself a signal."""
    from lcsearch.runs.store import Store

    add_epoch, recorded = Store.add_epoch, []

    def add_and_die(store: Store, number: int, epoch: EpochRecord) -> None:
        add_epoch(store, number, epoch)
        recorded.append(number)
        if len(recorded) == epochs:
            os.kill(os.getpid(), how)
        elif len(recorded) == 1:
            late = threading.Timer(seconds, os.kill, (os.getpid(), how))
            late.daemon = True
            late.start()

    Store.add_epoch = add_and_die  # type: ignore[method-assign]


if __name__ == "__main__":
    from lcsearch.cli.main import main

    die(int(sys.argv[1]), float(sys.argv[2]), signal.Signals[sys.argv[3]])
    del sys.argv[1:4]
    main()
