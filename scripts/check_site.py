"""Follows every link of a built site, and finds what its pages would load from elsewhere.

    python scripts/check_site.py FOLDER

Each link within the site must lead to a file, and to an id in it where it names one; no page may load a
script, a style, a picture or a font of another host. Links to other hosts are counted, not followed. Ends
with 1 where something is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""The attribute by which an element loads something."""


class Links(HTMLParser):
    """The links, the loaded addresses and the ids of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each element."""
        found = {name: value for name, value in attrs if value}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if LOADED.get(tag) in found and found.get("rel") not in ("canonical", "alternate"):
            self.loaded.append(found[LOADED[tag]])


@cache
def read(page: Path) -> Links:
    """What a page holds."""
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


def problems(page: Path) -> Iterator[str]:
    """What is wrong on a page, a line each."""
    for address in read(page).loaded:
        if urlsplit(address).netloc:
            yield f"{page}: loads {address}"
    for address in [*read(page).links, *read(page).loaded]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            yield f"{page}: {address} leads nowhere"
        elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target).ids:
            yield f"{page}: {address}: the page has no such place"


def main(folder: str) -> None:
    pages = [page for page in sorted(Path(folder).rglob("*.html")) if page.name != "404.html"]
    reports = [page for page in pages if page.parent.name == "gallery"]  # one file each, tested on their own
    checked = [page for page in pages if page not in reports]
    wrong = [line for page in checked for line in problems(page)]
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    links = [link for page in checked for link in read(page).links]
    others = {link for link in links if urlsplit(link).netloc}
    print(f"{folder}/index.html: {len(checked)} pages, {len(reports)} reports, {len(links)} links, "
          f"{len(others)} addresses elsewhere, {len(wrong)} wrong")  # fmt: skip
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
