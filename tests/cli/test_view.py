from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import pytest
from simulated_search import session

from lcsearch.cli.main import call


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "one"
    with session(path, trials=8) as opened:
        opened.run()
    return path


@pytest.mark.slow
def test_it_serves_on_this_machine_until_ctrl_c(run):
    command = [
        sys.executable,
        "-c",
        "from lcsearch.cli.main import main; main()",
        "view",
        str(run),
        "--no-browser",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert "base on digits" in answer.read().decode()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0
    assert errors.splitlines() == ["Ctrl-C stops", "stopped"]


def test_it_opens_a_browser_if_there_is_one(run, monkeypatch):
    import webbrowser

    from click.testing import CliRunner

    from lcsearch.cli.view import view

    opened = []

    class Screen(webbrowser.BaseBrowser):
        def open(self, url, new=0, autoraise=True):
            opened.append(url)
            return True

    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", stop)
    for browser, count in ((Screen(), 1), (webbrowser.GenericBrowser("lynx"), 1)):
        monkeypatch.setattr(webbrowser, "get", lambda browser=browser: browser)
        assert CliRunner().invoke(view, [str(run)]).exit_code == 0
        assert len(opened) == count
    assert opened[0].startswith("http://127.0.0.1:")


def test_bad_input(run, tmp_path, capsys):
    for arguments, words in (
        ([str(tmp_path / "nowhere")], "no such run directory"),
        ([str(run), "--port", "99999"], "--port: 99999 cannot be used"),
        ([str(run), "--port", "x"], "'--port'"),
    ):
        assert call(["view", *arguments]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert words in line
