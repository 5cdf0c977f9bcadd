"""The shell scripts, with stand-ins for the tools that they call: what is run, and what is not forgiven."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the scripts, with programs in ``tools`` that only write down how they were called."""
    clone, tools = tmp_path / "clone", tmp_path / "tools"
    tools.mkdir()
    for folder in ("scripts", ".ci"):
        shutil.copytree(ROOT / folder, clone / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", clone)
    fake_tool(tools, "apt-get", "exit ${APT_EXIT:-0}")
    fake_tool(tools, "dpkg-query", 'echo "${PACKAGE_STATE:-unknown ok not-installed}"')
    fake_tool(tools, "id", "echo 0")
    # "python -m venv FOLDER" makes a folder whose programs are stand-ins too.
    fake_tool(tools, "python3.11", venv_maker(tools))
    return clone


def fake_tool(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f'#!/bin/bash\necho "{name} $*" >> "$CALLS"\n{body}\n')
    path.chmod(0o755)
    return path


def venv_maker(tools: Path) -> str:
    python = fake_tool(
        tools,
        "in-venv-python",
        '[ "$1 $2" = "-m $FAIL" ] && echo "$2 complains" >&2 && exit 3; exec sleep "${SECONDS_EACH:-0}"',
    )
    ruff = fake_tool(tools, "ruff", '[ "ruff $1" = "$FAIL" ] && exit 3; exit 0')
    imports = fake_tool(tools, "lint-imports", '[ "lint-imports" = "$FAIL" ] && exit 3; exit 0')
    lcsearch = fake_tool(tools, "lcsearch", '[ "lcsearch $1" = "$FAIL" ] && exit 3; exit 0')
    return (
        'if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; '
        f'cp {python} "$3/bin/python"; cp {ruff} {imports} {lcsearch} "$3/bin"; fi'
    )


def run(clone: Path, script: str, *arguments: str, **environment: str) -> tuple[int, list[str], str]:
    """Exit code, the calls that were made, and what was said."""
    calls = clone.parent / "calls"
    calls.write_text("")
    tools = clone.parent / "tools"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LCSEARCH_")}
    done = subprocess.run(
        ["bash", str(clone / script), *arguments],
        env={
            **inherited,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHON": "python3.11",
            "CALLS": str(calls),
            "FAIL": "nothing",
            **environment,
        },
        cwd=clone.parent,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.returncode, calls.read_text().splitlines(), done.stderr


def count(calls: list[str], part: str) -> int:
    return sum(part in call for call in calls)


def test_test_sh_runs_every_check_and_passes_arguments_on(clone: Path) -> None:
    code, calls, _ = run(clone, "scripts/test.sh", "tests/data", "-x")
    assert code == 0
    wanted = ["pip install", "ruff check .", "ruff format --check .", "lint-imports"]
    beside = ["-m mypy", "-m pytest -n "]
    assert [part for call in calls for part in wanted if part in call] == wanted
    assert [count(calls[-2:], part) for part in [*beside, "tests/data -x"]] == [1, 1, 1]
    assert count(calls, ".[dev]") == 1 and (clone / ".venv-test").is_dir()


def test_fast_leaves_out_what_is_marked(clone: Path) -> None:
    code, calls, _ = run(clone, "scripts/test.sh", "--fast", "tests/data")
    assert code == 0
    [tests] = [call for call in calls if "-m pytest" in call]
    assert tests.endswith(" -m not slow and not ray and not browser and not long and not zoo tests/data")


@pytest.mark.parametrize("fail", ["pip", "ruff check", "ruff format", "mypy", "lint-imports", "pytest"])
@pytest.mark.parametrize("script", ["scripts/test.sh", ".ci/run"])
def test_nothing_that_fails_is_forgiven(clone: Path, script: str, fail: str) -> None:
    code, calls, said = run(clone, script, FAIL=fail)
    assert code != 0
    assert count(calls, "-m pytest") == (fail in ("mypy", "pytest"))
    assert said.count("mypy complains") == (fail == "mypy")
    if fail == "pip":
        # The next call must not take the half-made environment for a finished one.
        assert count(run(clone, script)[1], "pip install") == 1


def hear_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that is started here."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_mypy_and_pytest(clone: Path) -> None:
    run(clone, "scripts/test.sh")
    calls = clone.parent / "calls"
    calls.write_text("")
    told = os.environ | {"PATH": f"{clone.parent / 'tools'}:{os.environ['PATH']}", "CALLS": str(calls)}
    script = subprocess.Popen(
        ["bash", str(clone / "scripts/test.sh")], env=told | {"FAIL": "nothing", "SECONDS_EACH": "600"},
        start_new_session=True, stderr=subprocess.DEVNULL, preexec_fn=hear_ctrl_c,
    )  # fmt: skip
    while "-m mypy" not in calls.read_text() or "-m pytest" not in calls.read_text():
        time.sleep(0.01)
    time.sleep(0.5)  # a shell that is about to become ``sleep`` can lose a signal
    os.killpg(script.pid, signal.SIGINT)
    assert script.wait(timeout=60) == 130
    end = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:  # until nothing is left of what it started
            os.killpg(script.pid, 0)


def test_a_second_call_installs_nothing_until_pyproject_changes(clone: Path) -> None:
    installs = [count(run(clone, "scripts/test.sh")[1], "pip install") for _ in range(2)]
    with (clone / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    installs += [count(run(clone, "scripts/test.sh")[1], "pip install") for _ in range(2)]
    assert installs == [1, 0, 1, 0]


def test_the_environment_can_be_elsewhere(clone: Path, tmp_path: Path) -> None:
    code, _, _ = run(clone, "scripts/test.sh", LCSEARCH_VENV=str(tmp_path / "other"))
    assert code == 0 and (tmp_path / "other" / "bin" / "ruff").exists()
    assert not (clone / ".venv-test").exists()


def test_an_environment_of_another_clone_is_installed_anew(clone: Path, tmp_path: Path) -> None:
    venv = str(tmp_path / "shared")
    run(clone, "scripts/test.sh", LCSEARCH_VENV=venv)
    shutil.copytree(clone, tmp_path / "second")
    assert count(run(tmp_path / "second", "scripts/test.sh", LCSEARCH_VENV=venv)[1], "pip install") == 1


def test_ci_installs_what_is_listed_and_missing(clone: Path) -> None:
    listed = (ROOT / ".ci" / "apt-packages").read_text().split()
    assert "dataset-fashion-mnist" in listed and "chromium" in listed
    code, calls, _ = run(clone, ".ci/run")
    assert code == 0 and all(count(calls, f"install -y --no-install-recommends {name}") for name in listed)
    code, calls, _ = run(clone, ".ci/run", PACKAGE_STATE="install ok installed")
    assert code == 0 and count(calls, "apt-get") == 0


def test_ci_goes_on_without_a_network(clone: Path) -> None:
    code, calls, said = run(clone, ".ci/run", APT_EXIT="100")
    assert code == 0 and count(calls, "-m pytest") == 1 and "could not install chromium" in said


def test_quickstart_ends_in_a_search(clone: Path) -> None:
    code, calls, _ = run(clone, "scripts/quickstart.sh", "--trials", "12")
    assert code == 0 and count(calls, "fashion-mnist") == 1
    assert calls[-1].endswith("run --backbone vgg11 --trials 12")


@pytest.mark.parametrize("arguments", [["--dataset", "digits"], ["--dataset=digits"], ["--data-dir", "x"]])
def test_quickstart_fetches_only_what_is_searched_on(clone: Path, arguments: list[str]) -> None:
    code, calls, _ = run(clone, "scripts/quickstart.sh", *arguments)
    assert code == 0 and count(calls, "fashion-mnist") == 0


def test_quickstart_says_what_to_do_when_there_is_no_data(clone: Path) -> None:
    run(clone, "scripts/quickstart.sh")
    fake_tool(clone / ".venv" / "bin", "python", '[ "$1" = -c ] && exit 1; exit 0')
    code, calls, said = run(clone, "scripts/quickstart.sh", APT_EXIT="100")
    assert (
        code == 1 and count(calls, "download") and count(calls, "install -qq -y dataset-fashion-mnist") == 0
    )
    assert said.splitlines()[-1].startswith("error: Fashion-MNIST could not be fetched")
    assert "--dataset digits" in said.splitlines()[-1]
    assert not any("lcsearch run" in call for call in calls)


def test_docs_builds_the_site_where_git_does_not_look_and_checks_it(clone: Path) -> None:
    for arguments, folder in (([], "build/site"), (["elsewhere"], "elsewhere")):
        code, calls, _ = run(clone, "scripts/docs.sh", *arguments)
        made, built, checked = calls[-3:]
        assert code == 0 and made.endswith("scripts/gallery.py build/gallery")
        assert "-m mkdocs build --strict" in built and built.endswith(f"--site-dir {folder}")
        assert checked.endswith(f"scripts/check_site.py {folder}")
    assert "build/" in (ROOT / ".gitignore").read_text().split()
    code, calls, _ = run(clone, "scripts/docs.sh", FAIL="mkdocs")
    assert code != 0 and count(calls, "check_site") == 0


def test_each_extra_is_tried_in_its_own_copy_and_once(clone: Path) -> None:
    place = clone / "build" / "extras"
    (place / "run").mkdir(parents=True)
    (place / "run" / "report.html").touch()
    code, calls, said = run(clone, "scripts/test_extras.sh", "timm", "zoo")
    assert code == 0 and [count(calls, f".[{extra}]") for extra in ("timm", "zoo", "hf")] == [1, 1, 0]
    assert said.splitlines()[-2:] == ["timm: passed", "zoo: passed"] and not (place / "timm").exists()
    code, calls, said = run(clone, "scripts/test_extras.sh")  # no stand-in writes an ONNX file
    assert (
        code == 1
        and "timm: passed before" in said
        and "onnx: FAILED" in said
        and count(calls, ".[timm]") == 0
    )


@pytest.mark.parametrize("fail", ["pip", "lcsearch profile"])
def test_an_extra_that_fails_is_said(clone: Path, fail: str) -> None:
    place = clone / "build" / "extras"
    (place / "run").mkdir(parents=True)
    (place / "run" / "report.html").touch()
    run(clone, "scripts/test_extras.sh", "zoo")
    code, _, said = run(clone, "scripts/test_extras.sh", "timm", FAIL=fail)
    assert code == 1 and "timm: FAILED" in said and said.splitlines()[-1].startswith("error: failed: timm")


def test_scripts_can_be_run_and_name_no_address() -> None:
    for script in (
        ".ci/run",
        *(f"scripts/{name}.sh" for name in ("test", "quickstart", "docs", "mutation", "test_extras")),
    ):
        path = ROOT / script
        assert os.access(path, os.X_OK)
        assert "://" not in path.read_text()
