"""What is said of an address before Ray is asked to join it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import ray

from lcsearch.core.errors import InputError
from lcsearch.engines.ray import address

pytestmark = pytest.mark.ray


@pytest.fixture
def answering() -> Iterator[str]:
    """An address where something answers that is no Ray."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_nothing_answers_at_an_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(InputError, match=rf"^ray_address: no Ray at 127.0.0.1:{port}: Connection refused"):
        address.check_cluster(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("head", "'head' is no address; auto or HOST:PORT"),
        ("head:", "'head:' is no address; auto or HOST:PORT"),
        ("ray://head:10001", "ray://head:10001 is a Ray Client address, which cannot drive a search"),
    ],
)
def test_what_is_no_address(given: str, problem: str) -> None:
    with pytest.raises(InputError, match=f"^ray_address: {problem}"):
        address.find_address(given)


def test_something_else_answers_at_an_address(answering: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_ANSWER_SECONDS", 3.0)
    with pytest.raises(InputError, match=f"what answers at {answering} is no Ray"):
        address.check_cluster(answering)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"ray_version": "1.2.3"}, f"runs Ray 1.2.3, this machine Ray {ray.__version__}"),
        ({"python_version": "3.1.4"}, "runs Python 3.1.4, this machine Python"),
    ],
)
def test_versions_must_match(
    answering: str, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str], problem: str
) -> None:
    program = f"import json; print('versions', json.dumps({answer!r}))"
    monkeypatch.setattr("lcsearch.engines.ray.private.CLUSTER_VERSIONS", program)
    with pytest.raises(InputError, match=f"the cluster at {answering} {problem}"):
        address.check_cluster(answering)


def test_a_cluster_that_tells_no_versions_is_left_to_ray(
    answering: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lcsearch.engines.ray.private.CLUSTER_VERSIONS", "print('versions {}')")
    address.check_cluster(answering)
