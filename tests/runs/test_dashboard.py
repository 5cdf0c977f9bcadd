"""optuna-dashboard opens the study that a run wrote."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from simulated_search import session

pytestmark = pytest.mark.slow

pytest.importorskip(
    "optuna_dashboard", reason="optuna-dashboard is not installed: pip install 'lcsearch[dashboard]'"
)


def get(address: str) -> dict:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return json.loads(answer.read())


def wait_for(process: subprocess.Popen, address: str) -> dict:
    for _ in range(900):
        assert process.poll() is None, "optuna-dashboard ended at once"
        try:
            return get(address)
        except OSError:
            time.sleep(0.2)
    raise AssertionError("optuna-dashboard never answered")


def test_its_api_returns_the_front(tmp_path):
    with session(tmp_path / "run", trials=10) as opened:
        opened.run()
    from lcsearch.runs.choose import front_of
    from lcsearch.runs.read import read_run

    expected = {t.number: [t.accuracy, t.params] for t in front_of(read_run(tmp_path / "run").trials)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    storage = f"sqlite:///{tmp_path / 'run' / 'study.db'}"
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()", storage]
    with subprocess.Popen([*command, "--port", str(port), "--host", "127.0.0.1"]) as process:
        try:
            api = f"http://127.0.0.1:{port}/api/studies"
            (study,) = wait_for(process, api)["study_summaries"]
            detail = get(f"{api}/{study['study_id']}")
        finally:
            process.terminate()
    best = {t["number"]: t["values"] for t in detail["best_trials"]}
    # A duplicate has its original's values, so Optuna counts it to the front too.
    assert set(expected) <= set(best)
    assert {tuple(values) for values in best.values()} == {tuple(values) for values in expected.values()}
