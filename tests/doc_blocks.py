"""The fenced blocks of a page of docs/, and what the site promises of them.

A block of Python whose title is a file's name is that file, one whose title is ``not run`` is not run; all
others of bash and Python are run as they stand, in the order of the page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
NOT_RUN = "not run"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: The first word of its fence.
        title: What its fence says beside, or "".
        text: Its lines.
    """

    language: str
    title: str
    text: str

    @property
    def runs(self) -> bool:
        """Whether the site promises that the tests run it, or write it as a file."""
        return self.language in ("bash", "python") and self.title != NOT_RUN


def pages() -> dict[str, Path]:
    """Every page, by its path below docs/."""
    return {str(path.relative_to(DOCS)): path for path in sorted(DOCS.rglob("*.md"))}


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    found = FENCE.findall((DOCS / page).read_text(encoding="utf-8"))
    return [Block(language, title, text) for language, title, text in found]


def outside(page: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", (DOCS / page).read_text(encoding="utf-8"))


def commands_of(block: Block) -> list[str]:
    """The command lines of a bash block; lines that go on are one."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]
