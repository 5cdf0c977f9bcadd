"""Who trains, and how: the engine and the objective that a run's settings ask for."""

from __future__ import annotations

from pathlib import Path

from lcsearch import engines
from lcsearch.core import plugins
from lcsearch.core.plugins import Kind
from lcsearch.engines import Engine, EngineSettings
from lcsearch.nets.backbones import plain_form
from lcsearch.runs.settings import RunSettings
from lcsearch.search.images import ANY_IMAGES, SessionImages
from lcsearch.train.objective import TrainObjective


def make_objective(settings: RunSettings, images: SessionImages = ANY_IMAGES) -> TrainObjective:
    """What trains a trial's spec on the run's data set.

    Args:
        settings: Every setting.
        images: What trials are to see of it.
    """
    return TrainObjective(
        dataset=settings.dataset,
        data_dir=settings.data_dir,
        train_images=settings.train_images,
        validation_images=settings.validation_images,
        image_size=settings.image_size,
        own_validation=settings.own_validation,
        normalisation=settings.normalisation,
        device=settings.device,
        threads=threads_of(settings),
        metric=settings.metric,
        seen=images.seen,
        recorded=images.recorded,
        room=settings.room,
    )


def make_engine(settings: RunSettings, folder: Path) -> Engine:
    """The engine of a run.

    Args:
        settings: Every setting.
        folder: Where the engine may keep files of its own; the run directory for a search.
    """
    return engines.find(settings.engine)(
        EngineSettings(
            folder=folder,
            jobs=settings.jobs_asked,
            modules=user_modules(settings),
            plugins=_plugins(settings),
            device=settings.device,
            ray_address=settings.ray_address,
            cpus_per_trial=settings.cpus_per_trial,
            gpus_per_trial=settings.gpus_per_trial,
            storage_path=settings.storage_path,
        )
    )


def threads_of(settings: RunSettings) -> int:
    """CPU threads of each trial; 0 leaves it to PyTorch.

    That would take every core for each of several processes on one machine, which then wait for each other.
    """
    return settings.threads or int(settings.engine == "local" and settings.jobs_asked != 1)


def user_modules(settings: RunSettings) -> tuple[str, ...]:
    """Modules that trials import because the user named a function in them."""
    names = (settings.backbone, settings.dataset, settings.objective or "")
    ours = ("torchvision:", "folder:")
    return tuple(name.split(":")[0] for name in names if ":" in name and not name.startswith(ours))


def _plugins(settings: RunSettings) -> tuple[tuple[Kind, str], ...]:
    """What trials look up in the registry."""
    named = [(plugins.BACKBONE, plain_form(settings.backbone))]
    if settings.objective is None:
        named.append((plugins.DATA_SET, settings.dataset))
    return tuple((kind, name) for kind, name in named if ":" not in name)
