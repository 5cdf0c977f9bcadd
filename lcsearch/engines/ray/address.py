"""Finding out in seconds whether a Ray that fits answers at an address.

`ray.init` itself waits minutes for an address where nothing answers, and then ends the process.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys

from lcsearch.core.errors import InputError

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 12.0
_GIVE_TOKEN = "give this machine the head node's ~/.ray/auth_token"
_ASK = """
import json, sys
from ray._private.ray_constants import KV_NAMESPACE_CLUSTER
from ray._raylet import GcsClient
answer = GcsClient(address=sys.argv[1]).internal_kv_get(b"CLUSTER_METADATA", namespace=KV_NAMESPACE_CLUSTER)
print("metadata", json.dumps(json.loads(answer or b"{}")))
"""


def find_address(address: str) -> str:
    """Resolve ``auto`` and check the form ``HOST:PORT``.

    Raises:
        InputError: There is no running Ray to find, or it is no address.
    """
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        found = canonicalize_bootstrap_address_or_die(address)
    except ConnectionError:
        raise InputError(
            f"--ray-address: {address}: no running Ray was found on this machine; start one with "
            "'ray start --head', or leave the option out"
        ) from None
    except (ValueError, OSError):
        raise InputError(f"--ray-address: {address!r} is no address; auto or HOST:PORT") from None
    _host_and_port(found, address)
    return str(found)


def take_token(address: str) -> None:
    """Authenticate as Ray itself would: with ``auto`` wherever there is a token, else as RAY_AUTH_MODE says.

    Args:
        address: As the user gave it.

    Raises:
        InputError: A token is needed, and there is none.
    """
    from ray.exceptions import RayError

    try:
        from ray._private.authentication import authentication_token_setup as setup
    except ImportError:  # a Ray that knows no tokens
        return
    try:
        if address == "auto" and hasattr(setup, "maybe_enable_token_auth_if_token_available"):
            setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
        setup.ensure_token_if_auth_enabled(None, create_token_if_missing=False)
    except RayError as error:
        reason = str(error).partition(". ")[0]
        raise InputError(f"--ray-address: {address}: {reason}; {_GIVE_TOKEN}") from None


def check_cluster(address: str) -> None:
    """Make sure that a Ray of this version, on a Python of this version, answers.

    Args:
        address: ``HOST:PORT``.

    Raises:
        InputError: Nothing answers, or something else does.
    """
    try:
        with socket.create_connection(_host_and_port(address, address), timeout=_CONNECT_SECONDS):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"--ray-address: no Ray at {address}: {reason}") from None
    cluster = _ask(address)
    for what, ours, theirs in (
        ("Ray", _ray_version(), cluster.get("ray_version")),
        ("Python", platform.python_version(), cluster.get("python_version")),
    ):
        if theirs is not None and _differ(what, ours, theirs):
            raise InputError(
                f"--ray-address: the cluster at {address} runs {what} {theirs}, this machine {what} {ours}; "
                "install the same version on both"
            )


def _ask(address: str) -> dict[str, str]:
    """What the cluster says of itself, asked by a process that may hang or die."""
    command = [sys.executable, "-c", _ASK, address]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_ANSWER_SECONDS, check=False)
        out, errors, hung = done.stdout, done.stderr, False
    except subprocess.TimeoutExpired as late:
        out, errors, hung = late.stdout or b"", late.stderr or b"", True
    for line in out.decode(errors="replace").splitlines():
        if line.startswith("metadata "):
            return dict(json.loads(line.removeprefix("metadata ")))
    if b"AuthToken" in errors:
        raise InputError(
            f"--ray-address: {address} refuses this machine's token; "
            f"set RAY_AUTH_MODE=token and {_GIVE_TOKEN}"
        )
    if hung:
        raise InputError(f"--ray-address: what answers at {address} is no Ray, or it hangs")
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    raise InputError(f"--ray-address: what answers at {address} is no Ray: {' '.join(last)}")


def _host_and_port(address: str, given: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"--ray-address: {given!r} is no address; auto or HOST:PORT")
    return host.strip("[]"), int(port)


def _differ(what: str, ours: str, theirs: str) -> bool:
    """Ray itself must be the same; Python too, to its last number unless Ray is told otherwise."""
    level = os.environ.get("RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL", "patch")
    if what == "Python" and level == "minor":
        return ours.split(".")[:2] != theirs.split(".")[:2]
    return ours != theirs


def _ray_version() -> str:
    import ray

    return str(ray.__version__)
