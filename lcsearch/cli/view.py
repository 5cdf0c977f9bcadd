"""``lcsearch view``: the page of a run, served on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from lcsearch.cli.options import RUN_ARGUMENT


@click.command()
@RUN_ARGUMENT
@click.option("--port", type=int, default=0, help="Port; default a free one.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def view(run: Path, port: int, no_browser: bool) -> None:
    """Serve the report of a run on 127.0.0.1 and open it; follows the run while it goes on.

    Ctrl-C stops.
    """
    from lcsearch.report.server import HOST, Pages, make_server
    from lcsearch.runs.read import read_run

    pages = Pages(lambda: read_run(run))
    pages.page()
    server = make_server(pages, port)
    address = f"http://{HOST}:{server.server_address[1]}/"
    click.echo(address)
    click.echo("Ctrl-C stops", err=True)
    if not no_browser:
        _open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    finally:
        server.server_close()


def _open(address: str) -> None:
    """Open a browser with a screen; a machine without one gets the address only."""
    import webbrowser

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if not isinstance(browser, webbrowser.GenericBrowser) or isinstance(
        browser, webbrowser.BackgroundBrowser
    ):
        browser.open(address)
