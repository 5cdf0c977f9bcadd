"""What the Ray engine is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcsearch.core.errors import InputError


@dataclass(frozen=True)
class RaySettings:
    """Where trials run on Ray, and with what.

    Attributes:
        run_directory: The run's folder on the driver's disk; the engine writes into its ``ray`` folder.
        address: ``auto`` or ``HOST:PORT`` of a running cluster; None starts Ray on this machine.
        jobs: Trials at once; None for as many as the cluster fits, growing when nodes join.
        cpus_per_trial: CPUs that a trial reserves.
        gpus_per_trial: GPUs, or a share of one, that a trial reserves.
        storage_path: Folder that every node shares, or an fsspec address; needed on several nodes.
        modules: The user's modules that trials import by name, looked for on every node beforehand.
        runtime_env: Ray's way to ship code: ``working_dir``, ``py_modules``, ``env_vars``.
        temporary: Parent of the temporary folder of a Ray that is started here; None for the system's.
    """

    run_directory: Path
    address: str | None = None
    jobs: int | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    storage_path: str | None = None
    modules: tuple[str, ...] = ()
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    temporary: Path | None = None

    def __post_init__(self) -> None:
        """Check what needs no cluster.

        Raises:
            InputError: A value is out of range.
        """
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs: {self.jobs} is below 1")
        for option, value in (("cpus", self.cpus_per_trial), ("gpus", self.gpus_per_trial)):
            if value < 0:
                raise InputError(f"--{option}-per-trial: {value:g} is below 0")
        if self.cpus_per_trial == 0 and self.gpus_per_trial == 0:
            raise InputError(
                "--cpus-per-trial: 0 needs --gpus-per-trial above 0: a trial must reserve something"
            )
        if self.gpus_per_trial > 1 and self.gpus_per_trial != int(self.gpus_per_trial):
            raise InputError(
                f"--gpus-per-trial: {self.gpus_per_trial:g} is not allowed; a share below 1 or a whole number"
            )
        if self.address is not None and self.address.startswith("ray://"):
            raise InputError(
                f"--ray-address: {self.address} is a Ray Client address, which cannot drive a search; "
                "run lcsearch on a node of the cluster with 'auto' or HOST:PORT"
            )

    @property
    def resources(self) -> dict[str, float]:
        """What one trial reserves, in Ray's names; what is 0 is left out."""
        wanted = {"CPU": float(self.cpus_per_trial), "GPU": float(self.gpus_per_trial)}
        return {name: value for name, value in wanted.items() if value > 0}
