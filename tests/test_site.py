"""The site of docs/ is built without a warning, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chromium import CHROMIUM, FLAGS, needs_chromium

import lcsearch

TOP = Path(__file__).resolve().parents[1]
REPORTS = ("digits", "from-scratch")
WRONG = """<html><head><script src="https://elsewhere/x.js"></script></head>
<body id="top"><a href="nowhere.html">1</a><a href="#top">2</a><a href="#gone">3</a><a href="https://x">4</a></body>"""


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=TOP, env=os.environ | {"PYTHONPATH": str(TOP), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with one page in the place of each report."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    for name in REPORTS:
        (folder / f"{name}.html").write_text("<html><body>a report</body></html>")
    built = run(
        "-m", "mkdocs", "build", "--strict", "--site-dir", folder / "site", LCSEARCH_GALLERY=str(folder)
    )
    assert built.returncode == 0, built.stderr
    return folder / "site"


@pytest.mark.slow
def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    checked = run("scripts/check_site.py", site)
    assert checked.returncode == 0 and ", 0 wrong" in checked.stdout, checked.stderr


@pytest.mark.slow
def test_the_reference_holds_what_docstrings_say(site: Path) -> None:
    page = (site / "api.html").read_text()
    said = inspect.getdoc(lcsearch.load_model) or ""
    assert said.splitlines()[0] in re.sub(r"<[^>]+>", "", page) and "Raises" in page
    assert all(f"check_{kind}" in (site / "contracts.html").read_text() for kind in ("family", "tracker"))


@pytest.mark.slow
def test_reports_and_linked_files_are_part_of_it(site: Path) -> None:
    assert all((site / "gallery" / f"{name}.html").is_file() for name in REPORTS)
    example = site / "files" / "scripts" / "example_objective.py.txt"
    assert example.read_bytes() == (TOP / "scripts" / "example_objective.py").read_bytes()


@pytest.mark.slow
@pytest.mark.browser
@needs_chromium
def test_pages_open_in_a_browser_and_ask_nothing_of_a_network(site: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    asked, said = [], []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((site / "quickstart.html").as_uri())
        page.get_by_role("link", name="Gallery").first.click()
        page.get_by_role("link", name="Digits", exact=True).click()
        assert page.locator("body").inner_text() == "a report"
        browser.close()
    assert len(asked) > 5 and said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(WRONG)
    checked = run("scripts/check_site.py", tmp_path)
    page = tmp_path / "index.html"
    assert checked.returncode == 1 and checked.stderr.splitlines() == [
        f"{page}: loads https://elsewhere/x.js",
        f"{page}: nowhere.html leads nowhere",
        f"{page}: #gone: the page has no such place",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("link", ["gone.md", "index.md#gone", "../scripts/gone.py"])
def test_a_link_that_leads_nowhere_stops_the_building(tmp_path: Path, link: str) -> None:
    """One page, with the site's configuration."""
    pytest.importorskip("mkdocs")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"[there]({link})\n")
    config = (TOP / "mkdocs.yml").read_text().partition("\nnav:\n")[0]
    (tmp_path / "mkdocs.yml").write_text(config.replace("scripts/", f"{TOP}/scripts/"))
    built = run("-m", "mkdocs", "build", "--strict", "-f", tmp_path / "mkdocs.yml")
    assert built.returncode == 1 and "gone" in built.stderr
