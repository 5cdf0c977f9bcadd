"""Every setting of a run, resolved: what run.yaml holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from lcsearch.core.errors import InputError
from lcsearch.core.spec import Recipe

DEFAULT_SAMPLER = "recombine"
"""What proposes unless the user names another; docs/search.md shows why."""

DEFAULT_INIT = "trained"
"""Where models start unless the user says it, or the width is searched; docs/trained.md shows why."""

MAY_CHANGE = (
    "trials", "timeout", "jobs", "engine", "ray_address", "cpus_per_trial", "gpus_per_trial", "max_failures",
    "storage_path",
)  # fmt: skip
"""What ``resume`` may change: nothing here alters the result of a trial."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Every setting of a run.

    Attributes:
        backbone: A name that ``lcsearch.nets.backbones.build`` takes.
        dataset: A name that ``lcsearch.data.load`` takes.
        data_dir: Where its files are looked for first; None for the usual places.
        train_images: Training images; None for all that validation leaves.
        validation_images: Validation images; None for the data set's default.
        image_size: Height and width in pixels; None for the data set's default.
        trials: Trained trials, hand-picked ones included.
        timeout: Seconds after which no new trial starts; None for no limit.
        max_params: Specs with more parameters are rejected untrained; None for no limit.
        max_macs: Specs with more multiply-accumulates are rejected untrained; None for no limit.
        sampler: The sampler that proposes.
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
        recipe: How every trial is trained, unless the space searches it or it is fine-tuned.
        init: Where models start: ``scratch``, ``trained`` (the backbone that trial 0 trains), ``pretrained``
            (torchvision's weights) or the file of the user's own weights.
        fine_tune: How a model that was cut out of a backbone is trained; None where ``init`` is ``scratch``.
        new_head: Whether the last layer of given weights was made new.
        inherit: Whether a model is cut out of a finished one that is a bit larger, rather than the backbone.
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
    sampler: str = DEFAULT_SAMPLER
    early_stopping: str = "pareto"
    rung_factor: int = 3
    engine: str = "local"
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
    init: str = "scratch"
    fine_tune: Recipe | None = None
    new_head: bool = False
    inherit: bool = False

    @property
    def waits(self) -> bool:
        """Whether models are cut out of a backbone that the run itself trains first."""
        return self.init == "trained"

    @property
    def searched_recipe(self) -> Recipe:
        """How a model is trained that has the backbone's width."""
        return self.fine_tune or self.recipe

    @property
    def baseline_recipe(self) -> Recipe:
        """How the plain backbone is trained: a given one is fine-tuned like everything cut out of it."""
        return self.recipe if self.waits else self.searched_recipe

    @property
    def thinner_recipe(self) -> Recipe:
        """How a net of another width is trained.

        It cannot be cut out of the backbone, so it gets the backbone's epochs and those of fine-tuning.
        """
        if self.fine_tune is None:
            return self.recipe
        return replace(self.recipe, epochs=self.recipe.epochs + self.fine_tune.epochs)

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
            tuned = plain.get("fine_tune")
            fine_tune = None if tuned is None else Recipe(**tuned)
            return cls(**{**plain, "recipe": recipe, "objectives": objectives, "fine_tune": fine_tune})
        except TypeError as error:
            raise InputError(f"{where}: settings do not read: {error}") from None
