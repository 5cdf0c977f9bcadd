"""What every test shares."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import alembic.util
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["together"]

# On a busy machine a step of two threads takes as long as the one that waits longest for a core. Set before
# torch is imported, and inherited by what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where a test asks for two threads, one that waits lets the other have the core that both may have to share:
# turning round and round instead takes ten times as long on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Optuna has its ten migration scripts loaded anew for each study that is opened: most of what opening takes,
# and tests open hundreds. MLflow's own must run anew for each database.
_load = alembic.util.load_python_file
_load_once = cache(_load)
alembic.util.load_python_file = lambda folder, file: (
    _load(folder, file) if "mlflow" in str(folder) else _load_once(folder, file)
)
