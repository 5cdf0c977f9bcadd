"""The two ways to train a model again: from fresh weights, or on from the compressed ones of its trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lcsearch.core.errors import InputError, Named
from lcsearch.core.files import copy_file
from lcsearch.core.records import RetrainWay, TrialRecord
from lcsearch.core.spec import Recipe
from lcsearch.data import SearchData
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.retrained import Result, Spread, spread
from lcsearch.runs.settings import RunSettings
from lcsearch.train.fine_tune import longer_recipe
from lcsearch.train.start import Start, write_teacher_of
from lcsearch.train.teacher import knows_images

AskedWay = Literal["scratch", "compressed", "both"]
"""Where weights come from, as ``init`` takes it."""


def default_way(settings: RunSettings) -> AskedWay:
    """What a run's models are retrained from unless the user says it: from where its trials started."""
    return "scratch" if settings.init == "scratch" else "compressed"


def ways_of(asked: AskedWay) -> tuple[RetrainWay, ...]:
    """The ways that are trained."""
    return ("scratch", "compressed") if asked == "both" else (asked,)


def recipe_of(trial: TrialRecord, way: RetrainWay, epochs: int, settings: RunSettings) -> Recipe:
    """How a trial's model is trained again.

    From fresh weights: as its trial was, or as the run's backbone if its trial was fine-tuned, without a
    teacher. On from the compressed weights: as its trial was fine-tuned, or as it would have been.

    Args:
        trial: The trial.
        way: Where the weights come from.
        epochs: Passes over the training images.
        settings: Of the run.
    """
    own = trial.spec.recipe
    if way == "scratch":
        fresh = own if own.init == "scratch" else settings.recipe
        return replace(fresh, epochs=epochs, init="scratch", distill=0.0)
    return longer_recipe(own, epochs, settings.fine_tune)


@dataclass(frozen=True)
class Starts:
    """Writes the folders that compressed models are continued from.

    Attributes:
        run: The run directory.
        settings: Of the run.
        backbone: The plain backbone's trial.
        data: Gives the images, where a teacher's scores have to be computed.
        seen: Digest of the images; empty where it is not known.
        say: Called with a line for the user.
    """

    run: Path
    settings: RunSettings
    backbone: TrialRecord
    data: Callable[[], SearchData]
    seen: str
    say: Callable[[str], None]

    def check(self, trial: TrialRecord, recipe: Recipe, folder: Path) -> None:
        """Make sure that a trial can be continued.

        Raises:
            InputError: Its weights or those of its teacher are gone.
        """
        weights = RunDirectory(self.run).weights(trial.number)
        if not weights.is_file() and not Start(folder).compressed.is_file():
            raise InputError(
                f"trial {trial.number}: its weights are gone (kept: the front and the hand-picked trials); ",
                Named("init", "scratch"),
                " trains it from fresh weights",
                setting="init",
                value="compressed",
            )
        if recipe.distill > 0 and not Start(folder).teacher.is_file():
            self._backbone_beside(folder)

    def write(self, trial: TrialRecord, recipe: Recipe, folder: Path) -> None:
        """Fill a trial's start folder, as far as it is not filled.

        Raises:
            InputError: The trial's or the backbone's weights are gone.
            OSError: The disk is full.
        """
        start = Start(folder)
        if not start.compressed.is_file():
            copy_file(RunDirectory(self.run).weights(trial.number), start.compressed)
        if recipe.distill > 0 and not knows_images(start.teacher, self.seen):
            copy_file(self._teacher(recipe, folder), start.teacher)

    def _teacher(self, recipe: Recipe, folder: Path) -> Path:
        """The backbone's scores in as many views as there are epochs, made once for all trials."""
        start = _start_of_all(folder)
        weights = self._backbone_beside(folder)
        if weights != start.backbone:
            copy_file(weights, start.backbone)
        if not knows_images(start.teacher, self.seen):
            seed, device = self.settings.seed, self.settings.device
            plain = self.backbone.spec.model
            write_teacher_of(start, plain, self.data(), recipe, seed=seed, device=device, progress=self.say)
        return start.teacher

    def _backbone_beside(self, folder: Path) -> Path:
        """The backbone's weights, for a trial's start folder.

        A run that ended before it cut a model out of them has them in the backbone's trial alone.
        """
        directory = RunDirectory(self.run)
        places = [_start_of_all(folder).backbone, Start(directory.start).backbone]
        if self.backbone.spec.recipe.init == "scratch":
            places.append(directory.weights(self.backbone.number))
        for place in places:
            if place.is_file():
                return place
        raise InputError(
            f"{places[1]} is missing, and trial {self.backbone.number} left no weights that could teach; ",
            Named("init", "scratch"),
            " trains without a teacher",
            setting="init",
            value="compressed",
        )


def _start_of_all(folder: Path) -> Start:
    """What all trials start from that are trained as long, by the start folder of one."""
    return Start(folder.parents[1] / "start")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model trained both ways, on validation images.

    Attributes:
        trial: Its number.
        scratch: Validation accuracy in percent from fresh weights.
        compressed: Likewise, on from the compressed weights.
    """

    trial: int
    scratch: Spread
    compressed: Spread

    @property
    def better(self) -> RetrainWay:
        """The way with the higher mean."""
        return "compressed" if self.compressed.mean > self.scratch.mean else "scratch"

    def __str__(self) -> str:
        return (
            f"trial {self.trial}: {_words(self.scratch)} from scratch, {_words(self.compressed)} from its "
            f"compressed weights; {self.better} is tested"
        )


def compared(results: Sequence[Result]) -> list[Comparison]:
    """Every model that was trained both ways, in the order of their first results."""
    found = []
    for number in dict.fromkeys(result.trial for result in results):
        own = [result for result in results if result.trial == number]
        scratch = [result.accuracy for result in own if result.init == "scratch"]
        compressed = [result.accuracy for result in own if result.init == "compressed"]
        if scratch and compressed:
            found.append(Comparison(number, spread(scratch), spread(compressed)))
    return found


def summary(comparisons: Sequence[Comparison], metric: str = "accuracy") -> list[str]:
    """What came of training both ways, in a few lines.

    Args:
        comparisons: Of each model.
        metric: What people call an accuracy of the run.
    """
    if not comparisons:
        return []
    gains = [c.compressed.mean - c.scratch.mean for c in comparisons]
    mean = sum(gains) / len(gains)
    wins = sum(c.better == "compressed" for c in comparisons)
    return [
        f"validation {metric} by where the weights come from:",
        *map(str, comparisons),
        f"on from the compressed weights is better for {wins} of {len(comparisons)} models, by {mean:+.2f} "
        "points on average; their first training comes on top of its epochs",
    ]


def _words(found: Spread) -> str:
    return f"{found.mean:.2f}{'' if found.std is None else f' ± {found.std:.2f}'} %"
