"""TAB in the shells themselves, set up by the very lines that the page about installing has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "install.md"
FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/lcsearch.fish"}
PROMPT, CALLED = "READY>", "called with "
PROMPTS = {
    "bash": (".bashrc", f"PS1='{PROMPT}'\n"),
    "zsh": (".zshrc", f"PS1='{PROMPT}'\n"),
    "fish": (".config/fish/config.fish", f"function fish_prompt; echo -n '{PROMPT}'; end\n"),
}
PROGRAM = """#!/bin/sh
[ -n "$_LCSEARCH_COMPLETE" ] && exec "{python}" -m lcsearch "$@"
echo "{called}$*;"
"""
TYPED = {
    "stat\t runs/v\t": "status runs/vgg",
    "run --backbone vgg\t --dataset dig\t": "run --backbone vgg11 --dataset digits",
    "run --samp\ttp\t": "run --sampler tpe",
    "run --backbone torchv\tx": "run --backbone torchvision:x",
    "run --dataset fol\tpho\tca\t": "run --dataset folder:photos/cats,dogs/",
}
"""What is typed behind the program's name, and what it is called with."""


def lines_of_the_page() -> dict[str, tuple[str, str]]:
    """The file and the line of each shell."""
    found = re.findall(
        r"^- (\w+), in `([^`]+)`: `([^`]*_LCSEARCH_COMPLETE[^`]*)`", PAGE.read_text(), re.MULTILINE
    )
    return {shell: (file, line) for shell, file, line in found}


def test_the_page_has_a_line_for_each_shell() -> None:
    assert {shell: file for shell, (file, _) in lines_of_the_page().items()} == FILES


def add(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


def read_until(said: IO[bytes], words: str) -> str:
    """What comes until these words do."""
    seen = b""
    while not seen.endswith(words.encode()):
        one = said.read(1)
        assert one, seen.decode()
        seen += one
    return seen.decode()


@pytest.mark.slow
@pytest.mark.parametrize("shell", FILES)
def test_tab_completes_after_the_line_of_the_page(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    home, work, program = tmp_path / "home", tmp_path / "work", tmp_path / "bin" / "lcsearch"
    add(work / "runs" / "vgg" / "run.yaml", "")
    add(work / "photos" / "cats,dogs" / "one.png", "")
    add(program, PROGRAM.format(python=sys.executable, called=CALLED))
    program.chmod(0o755)
    file, line = lines_of_the_page()[shell]
    add(home / PROMPTS[shell][0], PROMPTS[shell][1])
    add(home / file.removeprefix("~/"), f"{line}\n")
    path = f"{program.parent}:{os.environ['PATH']}"
    environment = os.environ | {"HOME": str(home), "PATH": path, "TERM": "xterm", "LANG": "C.UTF-8"}
    for name in ("XDG_CONFIG_HOME", "ZDOTDIR", "PROMPT_COMMAND"):
        environment.pop(name, None)
    terminal = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", shell, "-i"]
    with subprocess.Popen(
        terminal, cwd=work, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        calls = []
        try:
            read_until(process.stdout, PROMPT)
            for typed in TYPED:
                process.stdin.write(f"lcsearch {typed}\n".encode())
                read_until(process.stdout, CALLED)
                calls.append(read_until(process.stdout, ";").rstrip(" ;"))
                read_until(process.stdout, PROMPT)
        finally:
            process.kill()
    assert calls == list(TYPED.values())
