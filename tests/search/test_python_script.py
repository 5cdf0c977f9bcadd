"""`lcsearch.search` called by a script, whose worker processes import it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow

ASKED: dict[str, Any] = {
    "backbone": "base", "num_classes": 10, "in_channels": 1, "image_size": 16, "validation_images": 1000,
    "trials": 1, "epochs": 3, "jobs": 1, "engine": "local", "device": "cpu", "sampler": "tpe", "quiet": True,
}  # fmt: skip

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import lcsearch
from simulated_objectives import smooth

def mine(spec, report):
    return smooth(spec, report)

{guard}lcsearch.search(None, mine, **{asked!r})
"""


@pytest.mark.parametrize("guard", ["", 'if __name__ == "__main__": '], ids=["unguarded", "guarded"])
def test_a_script_is_told_of_its_missing_guard(tmp_path: Path, guard: str) -> None:
    out, script = tmp_path / "run", tmp_path / "my_script.py"
    asked = ASKED | {"out": str(out)}
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1]), asked=asked, guard=guard))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    if guard:
        assert done.returncode == 0, done.stderr
        assert read_run(out).settings["settings"]["objective"] == "my_script:mine"
        return
    assert done.returncode == 1
    assert 'write the call under: if __name__ == "__main__":' in done.stderr
    assert f"call lcsearch.search again with out={str(out)!r}" in done.stderr.splitlines()[-1]
    assert [t.state for t in read_run(out).trials] == ["running"]
