"""Serves a run's report on this machine alone, always as new as the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lcsearch.core.errors import HaltError, InputError
from lcsearch.core.records import RunRecord
from lcsearch.report.fill import fill
from lcsearch.report.live import RELOAD_SECONDS, goes_on
from lcsearch.report.page import render

HOST = "127.0.0.1"


class Pages:
    """The page of a run, drawn anew only when the run has changed.

    Args:
        read: Reads the run.
    """

    def __init__(self, read: Callable[[], RunRecord]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._run: RunRecord | None = None
        self._page = ""

    def page(self) -> str:
        """Return the page as it is now.

        Raises:
            InputError: The run has nothing to show yet, or vanished.
        """
        with self._lock:
            run = self._read()
            if run != self._run:
                self._page = render(run, RELOAD_SECONDS if goes_on(run) else None)
                self._run = run
            return self._page


def make_server(pages: Pages, port: int = 0) -> ThreadingHTTPServer:
    """Return a server for the page; the caller runs and closes it.

    Args:
        pages: What to serve.
        port: The port; 0 for a free one.

    Raises:
        InputError: The port is taken or not allowed.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not _meant_for_us(self.headers.get("Host", "")):
                self.send_error(HTTPStatus.FORBIDDEN)
            elif self.path.split("?")[0] != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                _answer(self, pages)

        def log_message(self, format: str, *args: object) -> None:
            return

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = f"{port} cannot be used: {reason}; leave it out for a free one"
        raise InputError(problem, setting="port") from None
    server.daemon_threads = True
    return server


def _meant_for_us(host: str) -> bool:
    """A page elsewhere may point its own name at 127.0.0.1; then the Host header has that name."""
    return host.rsplit(":", 1)[0] in (HOST, "localhost")


def _answer(handler: BaseHTTPRequestHandler, pages: Pages) -> None:
    try:
        page = pages.page()
    except (InputError, HaltError) as error:
        page = fill("waiting.html", seconds=RELOAD_SECONDS, problem=str(error))
    content = page.encode()
    handler.send_response(HTTPStatus.OK)
    handler.send_header("Content-Type", "text/html; charset=utf-8")
    handler.send_header("Content-Length", str(len(content)))
    handler.send_header("Cache-Control", "no-store")
    handler.end_headers()
    handler.wfile.write(content)
