"""Runs trials on a Ray cluster: Ray Tune starts them, our director decides.

Ray Tune runs every trial through our own `Searcher` and `TrialScheduler`, because its own ones for
Optuna and early stopping cannot handle two objectives. Tune keeps no state that matters: after a
crash a new `Tuner` starts from the study.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from lcsearch.core.errors import InputError
from lcsearch.core.files import write_text
from lcsearch.core.job import Objective
from lcsearch.engines import Director, EngineSettings
from lcsearch.engines.ray.cluster import Cluster
from lcsearch.engines.ray.connection import LONGEST_FOLDER, connected
from lcsearch.engines.ray.dispatcher import Dispatcher
from lcsearch.engines.ray.driver_place import DriverPlace
from lcsearch.engines.ray.node_check import Question, ask_nodes, dump
from lcsearch.engines.ray.output import output_to
from lcsearch.engines.ray.shared_data import shared_data
from lcsearch.engines.ray.storage import SharedStorage, open_storage
from lcsearch.engines.ray.temporary import temporary_folder
from lcsearch.engines.ray.trial_storage import TrialStorage


class RayEngine:
    """Trials on a Ray cluster, or on a Ray that is started on this machine for this run.

    Args:
        settings: Where and with what.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._folder = settings.folder.absolute() / "ray"
        self._cluster: Cluster | None = None
        self._temporary: Path | None = None
        self._shared: TrialStorage | None = None
        self._open = ExitStack()

    @property
    def jobs(self) -> int:
        """Trials at once now; it grows with the cluster unless it was set."""
        if self._settings.jobs is not None:
            return self._settings.jobs
        return self._cluster.capacity if self._cluster is not None else 1

    def describe(self) -> str:
        """Where trials run: nodes and resources once the cluster is reached."""
        if self._cluster is not None:
            return self._cluster.describe()
        address = self._settings.ray_address
        return "Ray on this machine" if address is None else f"Ray at {address}"

    def prepare(self, objective: Objective) -> None:
        """Reach the cluster and check everything that can be checked before the first trial.

        Raises:
            InputError: No Ray at the address, other versions, too many resources per trial, storage that
                is missing, not shared or not writable, or code that a node cannot import.
            HaltError: Ray does not start on this machine, or cannot run trials there.
        """
        with ExitStack() as stack:
            storage = self._storage()
            self._make_folder()
            stack.enter_context(output_to(self._folder / "ray.log"))
            temporary = stack.enter_context(temporary_folder(LONGEST_FOLDER))
            logs = self._folder / "workers"
            cluster = stack.enter_context(connected(self._settings, temporary, logs))
            self._check(cluster, storage, objective)
            if storage is not None:
                self._shared = TrialStorage(storage, self._storage_name())
            self._cluster, self._temporary = cluster, temporary
            self._open = stack.pop_all()

    def run(self, director: Director, objective: Objective) -> None:
        """Run until the director has finished.

        Raises:
            HaltError: The disk of a worker or the shared storage is full.
        """
        dispatcher = Dispatcher(director, lambda: self.jobs, self._shared)
        if not dispatcher.finished:
            self._fit(dispatcher, objective)
        dispatcher.close()

    def close(self) -> None:
        """Leave the cluster; a Ray that was started here ends."""
        self._cluster, self._temporary, self._shared = None, None, None
        self._open.close()

    def _fit(self, dispatcher: Dispatcher, objective: Objective) -> None:
        from ray import tune

        from lcsearch.engines.ray.scheduler import DirectorScheduler, EveryStep
        from lcsearch.engines.ray.searcher import DirectorSearcher

        scheduler = DirectorScheduler(dispatcher)
        tuner = tune.Tuner(
            self._trainable(objective),
            tune_config=tune.TuneConfig(
                search_alg=DirectorSearcher(dispatcher),
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(self._temporary),
                callbacks=[EveryStep(dispatcher, scheduler)],
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except Exception:
            if dispatcher.error is not None:
                raise dispatcher.error from None
            raise

    def _trainable(self, objective: Objective) -> Any:
        from ray import tune

        from lcsearch.engines.ray.trainable import TrialActor, WorkerPlan

        data = shared_data(objective)
        plan = WorkerPlan(dump(objective), data, self._shared, DriverPlace.here())
        bundle = tune.PlacementGroupFactory([self._reached().wanted])
        return tune.with_resources(tune.with_parameters(TrialActor, plan=plan), bundle)

    def _reached(self) -> Cluster:
        if self._cluster is None:
            raise RuntimeError("prepare() comes first")
        return self._cluster

    def _storage(self) -> SharedStorage | None:
        address = self._settings.storage_path
        return None if address is None else open_storage(address)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be made: {error.strerror}") from None

    def _check(self, cluster: Cluster, storage: SharedStorage | None, objective: Objective) -> None:
        nodes = cluster.nodes
        if storage is None and len(nodes) > 1:
            raise InputError(
                f"is needed, because Ray {cluster.name} has {len(nodes)} nodes: a "
                "folder that all of them share, or an fsspec address such as s3://bucket/path",
                setting="storage_path",
            )
        modules = ("lcsearch", *self._settings.modules)
        question = Question(modules, DriverPlace.here(), plugins=self._settings.plugins)
        started_here = self._settings.ray_address is None
        if storage is None:
            cluster.stay_here()
            ask_nodes(question, objective, nodes, started_here=started_here)
            return
        folder = f".lcsearch-{uuid.uuid4().hex}"
        token = f"{folder}/driver-{os.getpid()}"
        storage.write_text(token, "here")
        try:
            question = replace(question, token=token, storage=storage)
            ask_nodes(question, objective, nodes, started_here=started_here)
        finally:
            storage.remove(folder)

    def _storage_name(self) -> str:
        """This run's folder on the shared storage: the same after a restart, and no other run's."""
        file = self._folder / "storage-name"
        if not file.is_file():
            write_text(file, f"{self._settings.folder.absolute().name}-{uuid.uuid4().hex[:12]}\n")
        return file.read_text().strip()


def _trial_name(trial: Any) -> str:
    return repr(trial.config["job"])
