"""What this machine computes on, by the names that tell one machine's speed from another's."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def device_name(device: str) -> str:
    """The processor or GPU behind a device name of PyTorch, as people know it."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return _first_core().get("model name") or platform.processor() or platform.machine()


def device_key(device: str) -> str:
    """`device_name`, and for a processor a digest of what it can do: one name is sold with and without it."""
    import torch

    if torch.device(device).type == "cuda":
        return device_name(device)
    core = _first_core()
    told = "\n".join(core.get(name, "") for name in ("cpu family", "model", "flags", "Features"))
    return f"{device_name(device)} {hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"


def _first_core() -> Mapping[str, str]:
    """What Linux says of the first core; nothing on other systems."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
