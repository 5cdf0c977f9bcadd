"""The steps of the Dockerfile, in a folder: no container tool is needed; where there is one, it builds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
PIP = f"""#!/bin/bash
echo "pip $*" >> "$CALLS"
case "$*" in *" ."*) exec {sys.executable} -m pip "$@" --no-deps --no-build-isolation --target "$SITE" ;; esac
"""


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile in their order, such as ``("RUN", "pip install .")``."""
    lines = (TOP / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in lines if line and not line.startswith("#")]


def arguments_of(*names: str) -> list[str]:
    return [argument for name, argument in instructions() if name in names]


def copy_into(context: Path) -> None:
    """What the COPY lines take of the repository, and no more."""
    for line in arguments_of("COPY"):
        *sources, target = line.split()
        for source in sources:
            if (TOP / source).is_dir():
                shutil.copytree(TOP / source, context / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(TOP / source, context / target)


def stand_in(tools: Path, name: str, text: str = '#!/bin/bash\necho "$0 $*" >> "$CALLS"\n') -> None:
    tools.mkdir(exist_ok=True)
    (tools / name).write_text(text)
    (tools / name).chmod(0o755)


def run_steps(tmp_path: Path, **arguments: str) -> list[str]:
    """Run the RUN lines over what is copied; pip installs the project alone. Returns the calls of pip."""
    context, tools, calls = tmp_path / "src", tmp_path / "tools", tmp_path / "calls"
    context.mkdir()
    copy_into(context)
    stand_in(tools, "pip", PIP)
    for name in ("useradd", "install"):  # of the image's own system
        stand_in(tools, name)
    environment = os.environ | {"CALLS": str(calls), "SITE": str(tmp_path / "site"), **arguments}
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    for step in arguments_of("RUN"):
        shell = ["sh", "-c", step]
        done = subprocess.run(shell, cwd=context, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return [call for call in calls.read_text().splitlines() if call.startswith("pip ")]


@pytest.mark.slow
def test_what_is_copied_installs_and_runs(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    calls = run_steps(tmp_path, TORCH_INDEX="", EXTRAS="")
    assert calls == ["pip install --no-cache-dir ."]
    entry = arguments_of("ENTRYPOINT")[-1]
    assert entry == '["lcsearch"]' and (tmp_path / "site" / "bin" / "lcsearch").exists()
    code = "import lcsearch.cli.main as m; m.main(['spaces', '--json'])"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and str(tmp_path / "site") in done.stdout, done.stderr


def test_torch_comes_from_the_index_that_is_given_and_extras_are_added(tmp_path: Path) -> None:
    steps = arguments_of("RUN")[:2]
    tools, calls = tmp_path / "tools", tmp_path / "calls"
    stand_in(tools, "pip", '#!/bin/bash\necho "$*" >> "$CALLS"\n')
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(calls)}
    for step in steps:
        subprocess.run(
            ["sh", "-c", step], env={**environment, "TORCH_INDEX": "INDEX", "EXTRAS": "[onnx,hf]"}, check=True
        )
    assert calls.read_text().splitlines() == [
        "install --no-cache-dir --index-url INDEX torch torchvision",
        "install --no-cache-dir .[onnx,hf]",
    ]


def test_the_image_does_not_run_as_root_and_has_a_target_for_each_kind_of_machine() -> None:
    stages = [line.split(" AS ") for line in arguments_of("FROM")]
    assert [name for _, name in stages] == ["base", "cuda", "cpu"]  # without --target: the last
    assert [parent for parent, _ in stages[1:]] == ["base", "base"]
    assert arguments_of("USER") == ["lcsearch"]
    assert any("useradd" in step and "lcsearch" in step for step in arguments_of("RUN"))
    assert any("NVIDIA_VISIBLE_DEVICES=all" in line for line in arguments_of("ENV"))


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    lines = (TOP / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = {source for line in arguments_of("COPY") for source in line.split()[:-1]}
    assert "*" in lines and sent == copied


def container_tool() -> str | None:
    """A program that builds images and reaches what runs them."""
    for tool in filter(None, map(shutil.which, ("docker", "podman"))):
        if subprocess.run([tool, "info"], capture_output=True, check=False).returncode == 0:
            return tool
    return None


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_the_image_is_built_and_works(target: str) -> None:
    tool = container_tool()
    if tool is None:
        pytest.skip("neither docker nor podman works here")
    image = f"lcsearch-test:{target}"
    subprocess.run([tool, "build", "--target", target, "--tag", image, str(TOP)], check=True)
    command = [tool, "run", "--rm", image, "profile", "--backbone", "base", "--alpha", "0.5", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["backbone"] == "base"
