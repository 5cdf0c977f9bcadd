"""The conda recipe, rendered and built by rattler-build out of stand-ins for conda-forge's packages.

Skipped without ``pip install py-rattler-build``. The channel is a folder. Its Python is this one, in an
environment of its own that finds what is installed here; its other packages are empty, and of those versions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import site
import sys
import tarfile
import venv
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from packaging.version import Version

rattler_build: Any = pytest.importorskip("rattler_build")

TOP = Path(__file__).resolve().parents[1]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PIP = {"pytorch": "torch", "ray-tune": "ray"}
"""What pip calls a package of conda."""


def names(requirements: list[str]) -> list[str]:
    return [requirement.split()[0] for requirement in requirements]


def test_the_recipe_is_one_that_rattler_build_reads() -> None:
    (variant,) = rattler_build.Stage0Recipe.from_file(str(TOP / "conda" / "recipe.yaml")).render()
    made = variant.recipe.to_dict()
    written = yaml.safe_load((TOP / "conda" / "recipe.yaml").read_text())
    assert made["package"] == {"name": "lcsearch", "version": written["context"]["version"]}
    assert made["requirements"] == written["requirements"] and made["build"]["noarch"] == "python"


def put(channel: Path, name: str, number: str, files: Path) -> None:
    """Add a package with a folder's files to a channel."""
    made = rattler_build.assemble_package(
        name, number, "linux-64", "0", channel / "linux-64", files_dir=files, detect_prefix=False,
        compression_level=1, archive_type=rattler_build.ArchiveType.TarBz2,
    )  # fmt: skip
    assert Path(made.path).parent == channel / "linux-64"


def python_files(folder: Path) -> Path:
    """A Python for an environment: this one, which finds what is installed here."""
    venv.create(folder, symlinks=True)
    packages = folder / "lib" / f"python{PYTHON}" / "site-packages"
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    shutil.rmtree(folder / "include", ignore_errors=True)
    return folder


def index(channel: Path) -> None:
    """Write what a channel says of its packages."""
    (channel / "noarch").mkdir()
    packages = {}
    for path in sorted((channel / "linux-64").glob("*.tar.bz2")):
        with tarfile.open(path) as archive:
            facts = json.load(archive.extractfile("info/index.json"))  # type: ignore[arg-type]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        packages[path.name] = {**facts, "sha256": digest, "size": path.stat().st_size}
    for folder, held in (("linux-64", packages), ("noarch", {})):
        said = {"info": {"subdir": folder}, "packages": held, "packages.conda": {}, "repodata_version": 1}
        (channel / folder / "repodata.json").write_text(json.dumps(said))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="the stand-ins are for linux-64")
def test_the_recipe_builds_a_package_that_passes_the_tests_of_the_recipe(tmp_path: Path) -> None:
    (variant,) = rattler_build.Stage0Recipe.from_file(str(TOP / "conda" / "recipe.yaml")).render()
    wanted = variant.recipe.to_dict()["requirements"]
    channel, empty = tmp_path / "channel", tmp_path / "empty"
    (empty / "share" / "stand-in").mkdir(parents=True)
    (empty / "share" / "stand-in" / "none").touch()
    (channel / "linux-64").mkdir(parents=True)
    put(channel, "python", f"{PYTHON}.0", python_files(tmp_path / "python"))
    for name in {*names(wanted["host"]), *names(wanted["run"])} - {"python"}:
        put(channel, name, Version(version(PIP.get(name, name))).public, empty)
    index(channel)
    said: list[str] = []
    try:
        built = variant.run_build(
            rattler_build.ToolConfiguration(test_strategy="native"), tmp_path / "built", [channel.as_uri()],
            progress_callback=SimpleNamespace(on_log=lambda event: said.append(event.message)),
        )  # fmt: skip
    except rattler_build.BuildError as error:
        pytest.fail("\n".join([*said[-40:], str(error)]))
    (package,) = map(rattler_build.Package.from_file, built.packages)
    assert (package.name, set(package.depends)) == ("lcsearch", set(wanted["run"]))
    assert "site-packages/lcsearch/search_spaces/generic.yaml" in package.files
    assert any(line.startswith(f"lcsearch {package.version} (python") for line in said)
