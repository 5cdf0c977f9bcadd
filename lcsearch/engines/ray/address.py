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
from lcsearch.engines.ray import private

_SETTING = "ray_address"
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 12.0
_GIVE_TOKEN = "give this machine the head node's ~/.ray/auth_token"


def find_address(address: str) -> str:
    """Resolve ``auto`` and check the form ``HOST:PORT``.

    Returns:
        ``HOST:PORT``; ``auto`` as it is in a Ray that does not tell what it means.

    Raises:
        InputError: There is no running Ray to find, or it is no address.
    """
    if address.startswith("ray://"):
        raise InputError(
            f"{address} is a Ray Client address, which cannot drive a search; "
            "run lcsearch on a node of the cluster with 'auto' or HOST:PORT",
            setting=_SETTING,
        )
    try:
        found = private.running_address(address)
    except ConnectionError:
        raise InputError(
            f"{address}: no running Ray was found on this machine; start one with 'ray start --head', or "
            "leave it out",
            setting=_SETTING,
        ) from None
    except (ValueError, OSError):
        raise _no_address(address) from None
    if found != "auto":
        _host_and_port(found, address)
    return found


def take_token(address: str) -> None:
    """Authenticate as Ray itself would.

    Args:
        address: As the user gave it.

    Raises:
        InputError: A token is needed, and there is none.
    """
    from ray.exceptions import RayError

    try:
        private.take_token(address)
    except RayError as error:
        reason = str(error).partition(". ")[0]
        raise InputError(f"{address}: {reason}; {_GIVE_TOKEN}", setting=_SETTING) from None


def check_cluster(address: str) -> None:
    """Make sure that a Ray of this version, on a Python of this version, answers.

    Args:
        address: As `find_address` gave it; nothing is known of ``auto`` before Ray connects.

    Raises:
        InputError: Nothing answers, or something else does.
    """
    if address == "auto":
        return
    try:
        with socket.create_connection(_host_and_port(address, address), timeout=_CONNECT_SECONDS):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"no Ray at {address}: {reason}", setting=_SETTING) from None
    cluster = _ask(address)
    for what, ours, theirs in (
        ("Ray", _ray_version(), cluster.get("ray_version")),
        ("Python", platform.python_version(), cluster.get("python_version")),
    ):
        if theirs is not None and _differ(what, ours, theirs):
            raise InputError(
                f"the cluster at {address} runs {what} {theirs}, this machine {what} {ours}; "
                "install the same version on both",
                setting=_SETTING,
            )


def _ask(address: str) -> dict[str, str]:
    """What the cluster says of itself, asked by a process that may hang or die."""
    command = [sys.executable, "-c", private.CLUSTER_VERSIONS, address]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_ANSWER_SECONDS, check=False)
        out, errors, hung = done.stdout, done.stderr, False
    except subprocess.TimeoutExpired as late:
        out, errors, hung = late.stdout or b"", late.stderr or b"", True
    for line in out.decode(errors="replace").splitlines():
        if line.startswith("versions "):
            return dict(json.loads(line.removeprefix("versions ")))
    if b"AuthToken" in errors:
        raise InputError(
            f"{address} refuses this machine's token; set RAY_AUTH_MODE=token and {_GIVE_TOKEN}",
            setting=_SETTING,
        )
    if hung:
        raise InputError(f"what answers at {address} is no Ray, or it hangs", setting=_SETTING)
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    raise InputError(f"what answers at {address} is no Ray: {' '.join(last)}", setting=_SETTING)


def _no_address(given: str) -> InputError:
    return InputError(f"{given!r} is no address; auto or HOST:PORT", setting=_SETTING)


def _host_and_port(address: str, given: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise _no_address(given)
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
