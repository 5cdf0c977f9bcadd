"""A search records, restarts and reads on the same with an Optuna that no longer has its private parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("other_optuna.py")


def search(study: Path, *renamed: str) -> str:
    command = [sys.executable, str(PROGRAM), str(study), *renamed]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def as_it_is(tmp_path_factory: pytest.TempPathFactory) -> str:
    return search(tmp_path_factory.mktemp("optuna") / "study.db")


@pytest.mark.slow
@pytest.mark.parametrize(
    "renamed",
    [("_storage", "_study_id", "_trial_id", "_get_prepared_new_trial"), ("TrialParamModel",)],
    ids=["attributes", "a table"],
)
def test_trials_and_records_are_the_same(tmp_path: Path, as_it_is: str, renamed: tuple[str, ...]) -> None:
    assert len(as_it_is.splitlines()) == 10
    assert search(tmp_path / "study.db", *renamed) == as_it_is
