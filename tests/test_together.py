"""Which process runs which test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

RAY = [f"tests/engines/ray/test_{name}.py" for name in "ab"]
ONNX = [f"tests/{name}.py" for name in ("cli/test_export", "testing/test_export_formats")]
FILES = [*RAY, *ONNX, "tests/test_a.py", "tests/test_b.py"]
TESTS = """
import os, time

with open("imported", "a") as file:
    print(os.environ["PYTEST_XDIST_WORKER"], file=file)
time.sleep(0.2)
"""


@pytest.mark.slow
def test_tests_are_shared_out_by_what_they_share_and_one_process_collects_first(tmp_path: Path) -> None:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TESTS + "".join(f"def test_{number}():\n    pass\n" for number in range(4)))
    asked = ["-p", "together", "-n", "2", "--dist", "loadfile", "-vv", "-c", os.devnull, "--rootdir", "."]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *asked, "--import-mode=importlib", "tests"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
             "PYTEST_PLUGINS": "xdist"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    ran = defaultdict(set)
    for line in done.stdout.splitlines():
        if line.startswith("[gw"):
            process, name = line.split("]")[0], line.split("PASSED ")[1].split("::")[0]
            ran["ray" if name in RAY else "onnx" if name in ONNX else name].add(process)
    assert len(ran) == 4 and all(len(processes) == 1 for processes in ran.values()), ran
    assert len(set.union(*ran.values())) == 2
    imported = (tmp_path / "imported").read_text().split()
    assert len(imported) == 2 * len(FILES) and len(set(imported[: len(FILES)])) == 1, imported
