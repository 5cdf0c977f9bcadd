from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager

import pytest
from hand_made import make_run, make_trial

from lcsearch.core.errors import InputError
from lcsearch.report.server import Pages, make_server

pytestmark = pytest.mark.slow


@contextmanager
def served(read):
    server = make_server(Pages(read))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def get(address, path="/", host=None):
    connection = http.client.HTTPConnection(*address, timeout=120)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer


def test_it_serves_the_run_as_it_is_now():
    runs = [
        make_run(make_trial(0, 93.0)),
        make_run(make_trial(0, 93.0), make_trial(1, None, state="running")),
    ]
    state = {"run": runs[0]}
    with served(lambda: state["run"]) as address:
        assert address[0] == "127.0.0.1"
        status, page, answer = get(address)
        assert status == 200
        assert '"live":null' in page
        assert answer.headers["Cache-Control"] == "no-store"
        state["run"] = runs[1]
        assert '"live":5' in get(address)[1]


def test_other_paths_and_names_are_refused():
    with served(lambda: make_run(make_trial(0, 93.0))) as address:
        assert get(address, "/../study.db")[0] == 404
        assert get(address, host="evil.example")[0] == 403
        assert get(address, host=f"localhost:{address[1]}")[0] == 200


def test_a_run_that_vanished_is_said_on_the_page():
    def read():
        raise InputError("<gone>: no such run directory")

    with served(read) as address:
        assert "&lt;gone&gt;: no such" in get(address)[1]


def test_a_taken_port_is_one_clear_line():
    server = make_server(Pages(lambda: make_run()))
    try:
        with pytest.raises(InputError, match=r"port: .* cannot be used"):
            make_server(Pages(lambda: make_run()), server.server_address[1])
    finally:
        server.server_close()
    with pytest.raises(InputError, match="port: 70000"):
        make_server(Pages(lambda: make_run()), 70_000)
