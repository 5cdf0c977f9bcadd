"""Whether a run's images are those that it was made with, before anything is done with them again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lcsearch.core.errors import HaltError, InputError, Named, without_settings
from lcsearch.core.metric import ACCURACY, effective_images
from lcsearch.data import describe
from lcsearch.data.changes import Changes
from lcsearch.data.recorded import CHANGED, UNKNOWN, Comparison, RecordedImages, Source, compare
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.run_file import Facts, RunFile
from lcsearch.runs.settings import RunSettings

UNKNOWN_ARRAYS = (
    "an older version of lcsearch made this run: whether arrays that its training loop carries have changed "
    "is not known"
)
"""What is said of a run of the user's own loop that holds no digest."""


@dataclass(frozen=True, slots=True)
class SessionImages:
    """The images that the trials of a session see.

    Attributes:
        seen: Digest of them; empty where none is known.
        recorded: The recorded split, of which they are what is left; None where nothing has changed.
        train_images: How many train; None where that is as the run has it.
        validation_images: Likewise, for validation.
        effective_images: As `lcsearch.runs.run_file.Facts` has them of these validation images.
        note: What is to be said of them; empty where there is nothing.
        lost_tests: Whether none of the test images is as it was.
    """

    seen: str = ""
    recorded: RecordedImages | None = None
    train_images: int | None = None
    validation_images: int | None = None
    effective_images: int | None = None
    note: str = ""
    lost_tests: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a session says beside the run's notes."""
        return (self.note,) if self.note and self.recorded is None else ()

    def noted(self, notes: list[str]) -> list[str]:
        """The notes of a run, with what is now to be said of changed images."""
        if self.recorded is None:
            return notes
        return [*(note for note in notes if not note.startswith(CHANGED)), self.note]

    def facts(self, facts: Facts) -> Facts:
        """The facts of a run as its trials find them from now on."""
        if self.train_images is None or self.validation_images is None:
            return facts
        return replace(
            facts,
            train_images=self.train_images,
            validation_images=self.validation_images,
            effective_images=self.effective_images,
        )


ANY_IMAGES = SessionImages()
"""Whatever the data set holds."""


def check_images(directory: RunDirectory, run: RunFile, settings: RunSettings) -> SessionImages:
    """Compare the images of a run with what it recorded of them.

    Args:
        directory: The run directory.
        run: The content of its run.yaml.
        settings: Every setting from now on.

    Raises:
        InputError: They have changed, and the settings refuse that, or too few are left.
        HaltError: They cannot be read.
    """
    if settings.objective is not None:
        return SessionImages(note=UNKNOWN_ARRAYS) if run.carried is None else ANY_IMAGES
    if run.data is None:
        _check_classes(directory, run.facts, settings)
        return SessionImages(note=UNKNOWN)
    recorded = RecordedImages(run.data, directory.images)
    found = _compared(directory, recorded, settings)
    if found.changes is None:
        return SessionImages(found.seen)
    if not found.changes.usable or settings.data_changed == "refuse":
        raise _refused(directory, found.changes)
    note = f"{CHANGED}{found.changes}; trials since then use {found.changes.left}"
    train, validation, metric = found.data.train, found.data.validation, settings.metric
    counts = validation.labels.bincount().tolist()
    effective = None if metric == ACCURACY else effective_images(metric, counts)
    lost = found.changes.lost_tests
    return SessionImages(found.seen, recorded, len(train), len(validation), effective, note, lost)


def _check_classes(directory: RunDirectory, facts: Facts, settings: RunSettings) -> None:
    """Older versions took hidden folders for classes, so that labels may mean other classes now."""
    if not settings.dataset.startswith("folder:"):
        return
    try:
        classes = describe(settings.dataset).num_classes
    except InputError as error:
        raise _unreadable(directory, error) from error
    if classes != facts.num_classes:
        raise InputError(
            f"{directory.path}: was made with {facts.num_classes} classes, and {settings.dataset} has "
            f"{classes} now; hidden folders are no classes any more; make a new run"
        )


def _compared(directory: RunDirectory, recorded: RecordedImages, settings: RunSettings) -> Comparison:
    numbers = settings.train_images, settings.validation_images, settings.image_size
    source = Source(settings.dataset, settings.data_dir, *numbers, settings.own_validation, settings.room)
    try:
        return compare(recorded, source)
    except (InputError, OSError) as error:
        raise _unreadable(directory, error) from error


def _unreadable(directory: RunDirectory, error: Exception) -> HaltError:
    problem = f"its images cannot be read: {without_settings(error)}"
    return HaltError(f"{directory.path}: {problem}; the same command goes on once they can")


def _refused(directory: RunDirectory, changes: Changes) -> InputError:
    changed = (
        f"{directory.path}: the images have changed since the run was made: {changes}; put them back, or "
    )
    if not changes.usable:
        return InputError(f"{changed}make a new run: {changes.left} are left")
    way_out = (Named("data_changed", "use-old"), f" goes on with {changes.left}")
    return InputError(changed, *way_out)
