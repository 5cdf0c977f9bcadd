"""thop is imported without distutils, which Python no longer has and setuptools will not lend for ever."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

VGG11_BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"distutils", "setuptools", "_distutils_hack"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in [name for name in sys.modules if name.partition(".")[0] in {"distutils", "setuptools"}]:
    del sys.modules[name]
sys.meta_path.insert(0, Blocked())

from lcsearch.nets import backbones
from lcsearch.nets.count import count

print(count(backbones.build("vgg11", num_classes=10, in_channels=3), (3, 32, 32)).params)
print(sorted(name for name in sys.modules if name.startswith("distutils")))
"""

STAYS = """
import distutils.version
import sys

here = distutils.version
import lcsearch.nets.thop

print(sys.modules["distutils.version"] is here, sys.modules["distutils"] is distutils)
"""


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_models_are_counted_where_there_is_no_distutils_and_no_stand_in_stays() -> None:
    parameters, left = run(VGG11_BLOCKED)
    assert int(parameters) == 9_231_114  # 8 convolutions, their batch norms, one linear layer
    assert left == "[]"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("distutils") is None, reason="needs a distutils")
def test_a_distutils_that_is_in_use_stays_in_place() -> None:
    assert run(STAYS) == ["True True"]
