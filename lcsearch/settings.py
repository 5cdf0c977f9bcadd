"""Every setting of a run, resolved: what run.yaml holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from lcsearch.errors import InputError
from lcsearch.spec import Recipe

MAY_CHANGE = (
    "trials", "timeout", "jobs", "engine", "ray_address", "cpus_per_trial", "gpus_per_trial", "max_failures",
    "storage_path",
)  # fmt: skip
"""What ``resume`` may change: nothing here alters the result of a trial."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Every setting of a run.

    Attributes:
        backbone: A name that ``lcsearch.backbones.build`` takes.
        dataset: A name that ``lcsearch.data.load`` takes.
        data_dir: Where its files are looked for first; None for the usual places.
        train_images: Training images; None for all that validation leaves.
        validation_images: Validation images; None for the data set's default.
        image_size: Height and width in pixels; None for the data set's default.
        trials: Trained trials, hand-picked ones included.
        timeout: Seconds after which no new trial starts; None for no limit.
        max_params: Specs with more parameters are rejected untrained; None for no limit.
        max_macs: Specs with more multiply-accumulates are rejected untrained; None for no limit.
        sampler: A name from ``lcsearch.samplers.names()``.
        early_stopping: Which rule stops trials at rungs.
        rung_factor: Ratio between one rung and the next.
        engine: Who runs trials.
        jobs: Trials at once; None lets the Ray engine use what the cluster has.
        threads: Threads of each trial on a CPU.
        device: ``cpu``, ``cuda`` or ``mps``.
        ray_address: Address of a Ray cluster; None starts Ray on this machine.
        cpus_per_trial: CPUs that Ray reserves for a trial.
        gpus_per_trial: GPUs, or a share of one, that Ray reserves for a trial.
        max_failures: How often a trial whose worker was lost is tried again.
        storage_path: Shared folder or fsspec address for checkpoints of several nodes.
        recipe: How every trial is trained, unless the space searches it.
        seed: Seeds everything random.
        objectives: What the front trades off, accuracy first.
        storage: Optuna storage URL; None for study.db in the run directory.
        objective: The user's own objective, as ``module:function``; None where lcsearch trains.
    """

    backbone: str
    dataset: str
    data_dir: str | None = None
    train_images: int | None = None
    validation_images: int | None = None
    image_size: int | None = None
    trials: int = 20
    timeout: float | None = None
    max_params: int | None = None
    max_macs: int | None = None
    sampler: str = "tpe"
    early_stopping: Literal["pareto", "median", "none"] = "pareto"
    rung_factor: int = 3
    engine: Literal["local", "ray"] = "local"
    jobs: int | None = 1
    threads: int = 1
    device: str = "cpu"
    ray_address: str | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    max_failures: int = 1
    storage_path: str | None = None
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    objectives: tuple[str, ...] = ("accuracy", "params")
    storage: str | None = None
    objective: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Plain data for run.yaml."""
        return {**asdict(self), "objectives": list(self.objectives)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], where: str) -> RunSettings:
        """Read what `to_plain` wrote.

        Args:
            plain: The mapping under ``settings`` in run.yaml.
            where: The file's name, for messages.

        Raises:
            InputError: A key is unknown or the recipe is none.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(plain) - known)
        if unknown:
            raise InputError(
                f"{where}: settings.{unknown[0]} is unknown; it is from a newer lcsearch, or damaged"
            )
        try:
            recipe = Recipe(**plain.get("recipe", {}))
            objectives = tuple(plain.get("objectives", ("accuracy", "params")))
            return cls(**{**plain, "recipe": recipe, "objectives": objectives})
        except TypeError as error:
            raise InputError(f"{where}: settings do not read: {error}") from None
