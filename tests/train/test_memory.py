"""Freed memory stays with the process: counted in page faults by the system itself."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from lcsearch.train.memory import keep_freed_memory

COUNT = """
import resource
import torch
from lcsearch.train.memory import keep_freed_memory

def faults() -> int:
    start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        torch.ones(9 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

torch.set_num_threads(1)
before = faults()
kept = keep_freed_memory()
faults()
print(before, kept, faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_large_blocks_are_taken_from_the_system_only_once() -> None:
    """40 blocks above the 32 MiB from which glibc maps each anew; some may miss where the last one lay."""
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    before, kept, after = done.stdout.split()
    assert kept == "True"
    assert int(after) < int(before) / 10


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
