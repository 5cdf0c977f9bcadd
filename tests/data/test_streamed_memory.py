"""A data set larger than the memory that a process may have trains there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from image_folders import make_folder

pytestmark = pytest.mark.slow

SIZE, PER_CLASS = 128, 1000
BYTES = 3 * PER_CLASS * 3 * SIZE * SIZE
LEFT = 110_000_000

PROGRAM = f"""
import json, resource, sys, threading
import torch
from torch import nn
from lcsearch import data
from lcsearch.core.room import Room
from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.train import train

torch.set_num_threads(1)
threading.stack_size(1 << 20)  # stacks count too, and are kept
name, cache = sys.argv[1:]
net = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
few = data.load(name, train_images=8, validation_images=4, image_size={SIZE})
train(net, few, Recipe(epochs=1, batch_size=8), Regularizer(), seed=1)  # what PyTorch needs is there now
[used] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData:")]
limit = 1024 * int(used) + {LEFT}
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

found = {{"limit": limit}}
try:
    data.load(name, image_size={SIZE}, room=Room(memory=10**12))
except MemoryError:
    found["whole"] = "no room"
images = data.load(name, image_size={SIZE}, room=Room(memory=10**7, cache=cache))
result = train(net, images, Recipe(epochs=2, batch_size=8), Regularizer(), seed=1)
found |= {{"epochs": len(result.history), "images": len(images.train) + len(images.validation)}}
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_images_of_more_than_the_memory_that_is_left_train(tmp_path: Path) -> None:
    assert LEFT < BYTES * 4 // 5  # which the training images alone take
    root = make_folder(tmp_path / "images", PER_CLASS * 5 // 4)  # a fifth of them are test images
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"folder:{root}", str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["whole"] == "no room"
    assert (found["epochs"], found["images"]) == (2, 3 * PER_CLASS)
    assert sum(file.stat().st_size for file in (tmp_path / "cache").glob("*.npy")) > BYTES
