"""Commands and programs on the pages of docs/ do what the pages say: they are run as they stand.

Pages that begin where another one ends run in its folder; a block that ran there already, word for word, is
not run again.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from doc_blocks import DOCS, Block, blocks_of, commands_of, outside, pages

from lcsearch.cli.main import call, cli

TOP = DOCS.parent
STORIES = {
    "quickstart": ["quickstart.md"],
    "own model": ["own_model.md"],
    "own data": ["data.md"],
    "coming from": [
        "coming_from/index.md", "coming_from/nni.md", "coming_from/nncf.md", "coming_from/fastnas.md",
        "coming_from/torch_pruning.md", "coming_from/optuna.md",
    ],
}  # fmt: skip

SHORT = ("own model",)
"""What is run in every check; the others take a minute each."""


@pytest.mark.parametrize("page", pages())
def test_every_block_of_a_page_is_run_or_says_that_it_is_not(page: str) -> None:
    told = {page for story in STORIES.values() for page in story}
    running = [block for block in blocks_of(page) if block.runs]
    assert page in told or running == []
    text = outside(page)
    assert "```" not in text, "a fence that is not understood"
    assert re.findall(r"^ {4}(?:lcsearch|pip|python|docker) .*", text, re.MULTILINE) == []


@pytest.mark.parametrize("page", pages())
def test_options_of_commands_exist_where_they_are_not_run_too(page: str) -> None:
    lines = [line for block in blocks_of(page) if block.language == "bash" for line in commands_of(block)]
    for line in lines:
        words = shlex.split(line, comments=True)
        if words and words[0] == "lcsearch":
            parse(words[1:])


def parse(words: list[str]) -> None:
    """Look at a command line as lcsearch would, and do nothing."""
    context = click.Context(cli)
    command = cli.get_command(context, words[0])
    assert command is not None, words
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    used = {word.partition("=")[0] for word in words if re.match(r"-{1,2}[a-z]", word)}
    assert used <= known | {"--help", "-h"}, (words, used - known)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "story",
    [pytest.param(story, marks=[] if story in SHORT else pytest.mark.long) for story in STORIES],
)
def test_what_the_pages_say_works(
    story: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_modules: None
) -> None:
    if story == "coming from":
        pytest.importorskip("onnxscript")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LCSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(TOP))
    monkeypatch.setattr(sys, "path", list(sys.path))
    done: set[Block] = set()
    for page in STORIES[story]:
        for block in blocks_of(page):
            if block.runs and block not in done:
                perform(block)
                done.add(block)
    assert len(done) >= 3


def perform(block: Block) -> None:
    """Write the file that a block is, or run what it says, in the current folder; nothing may fail.

    Commands of lcsearch alone run in this process, which spares imports.
    """
    if block.language == "python" and block.title:
        Path(block.title).write_text(block.text)
        return
    commands = [shlex.split(line, comments=True) for line in commands_of(block)]
    if block.language == "bash" and all(words[0] == "lcsearch" for words in commands):
        assert [call(words[1:]) for words in commands] == [0] * len(commands), block.text
        return
    shell = (
        f'lcsearch() {{ "{sys.executable}" -m lcsearch "$@"; }}; python() {{ "{sys.executable}" "$@"; }}\n'
    )
    command = ["bash", "-euo", "pipefail", "-c", shell + block.text]
    if block.language == "python":
        command = [sys.executable, "-c", block.text]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{block.text}\n{ended.stdout}\n{ended.stderr}"


@pytest.fixture
def forget_modules(tmp_path: Path) -> Iterator[None]:
    """Modules that commands import from the folder are not there for the next test."""
    yield
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent == tmp_path:
            del sys.modules[name]
