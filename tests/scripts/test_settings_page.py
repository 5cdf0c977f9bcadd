"""The table of the settings in the docs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_declarations_make_of_it() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "settings_page.py")]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "docs" / "settings.md").read_text(), (
        "run: python scripts/settings_page.py > docs/settings.md"
    )
