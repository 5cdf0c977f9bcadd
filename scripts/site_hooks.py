"""What the site holds beside pages of docs/: notebooks, files that pages link to, reports of real runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from site_notebooks import page_of

TOP = Path(__file__).resolve().parents[1]
REPORTS = TOP / "build" / "gallery"
OUTSIDE = re.compile(r"\]\(((?:\.\./)+)((?:scripts|tests|lcsearch)/[\w/.-]+|[A-Z]+\.md)\)")
"""A link of a page to a file of the repository that is no page."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add notebooks, linked files, and reports: of ``$LCSEARCH_GALLERY``, else of scripts/gallery.py."""
    for notebook in sorted(Path(config.docs_dir).glob("*.ipynb")):
        files.append(File.generated(config, f"{notebook.stem}.md", content=page_of(notebook)))
    reports = Path(os.environ.get("LCSEARCH_GALLERY") or REPORTS)
    for report in sorted(reports.glob("*.html")):
        files.append(File.generated(config, f"gallery/{report.name}", abs_src_path=str(report)))
    for path in sorted({path for page in files.documentation_pages() for path in _linked(page)}):
        files.append(File.generated(config, _place(path), abs_src_path=str(TOP / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links find the pages of notebooks, and the copies of files of the repository."""
    markdown = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", markdown)
    return OUTSIDE.sub(lambda link: f"]({link[1][3:]}{_place(link[2])})", markdown)


def _linked(page: File) -> list[str]:
    return [path for _, path in OUTSIDE.findall(page.content_string)]


def _place(path: str) -> str:
    """Where a file lies in the site: as text, which browsers show."""
    return f"files/{path}.txt"
