"""Freed memory stays with the process: counted in page faults by the system itself."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from lcsearch.core.freed_memory import freed_memory_kept, keep_freed_memory

COUNT = """
import resource
import torch
from lcsearch.core.freed_memory import freed_memory_kept, keep_freed_memory

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


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_a_training_ends_nothing_that_the_process_keeps() -> None:
    """Else a loop that takes turns with trainings would be slower than alone."""
    within = COUNT.replace("faults()\nprint", 'with freed_memory_kept("cpu"):\n    faults()\nprint')
    done = subprocess.run([sys.executable, "-c", within], capture_output=True, text=True, check=True)
    before, _, after = done.stdout.split()
    assert int(after) < int(before) / 100


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()


GIVEN_BACK = """
import torch
from lcsearch.core.freed_memory import freed_memory_kept

def resident() -> int:
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(fields["VmRSS"].split()[0]) >> 10

torch.set_num_threads(1)
torch.ones(2**20)
before = resident()
with freed_memory_kept("cpu"):
    maps = [torch.ones(2**20) for _ in range(100)]
    small = torch.ones(10)
    del maps
    kept = resident()
after = resident()
torch.ones(100 * 2**20)
print(before, kept, after, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_what_is_kept_meanwhile_is_given_back_at_the_end() -> None:
    """100 blocks of 4 MiB, freed behind one that stays; then one of 400 MiB, which is not kept any more."""
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True)
    before, kept, after, later = map(int, done.stdout.split())
    assert kept - before > 390
    assert after - before < 40
    assert later - before < 40


def test_a_gpu_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: pytest.fail("asked"))
    with freed_memory_kept("cuda:1"):
        pass
