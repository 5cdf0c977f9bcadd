"""What retraining has finished, in files: one result a training, and one file for all that is tested."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lcsearch.core.errors import InputError
from lcsearch.core.job import WEIGHTS
from lcsearch.core.metric import ACCURACY, Metric
from lcsearch.core.records import RetrainRecord, RetrainWay, TrialRecord
from lcsearch.core.yaml import read_mapping, write_yaml

VERSION = 1
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Result:
    """One finished training.

    Attributes:
        trial: The trial whose spec was trained.
        seed: 1 for the first.
        epochs: Passes over the training images.
        fingerprint: Of the spec that was trained.
        accuracy: Validation accuracy in percent.
        folder: Where its weights lie.
        init: Whether it was trained from fresh weights or on from the compressed ones of its trial.
        test_accuracy: Percent; None until it is tested, which happens once.
        test_images: Images of the test set; None likewise.
        effective_images: As `RetrainRecord` has it.
    """

    trial: int
    seed: int
    epochs: int
    fingerprint: str
    accuracy: float
    folder: Path
    init: RetrainWay = "scratch"
    test_accuracy: float | None = None
    test_images: int | None = None
    effective_images: int | None = None

    @property
    def weights(self) -> Path:
        """The trained weights."""
        return self.folder / WEIGHTS

    def write(self) -> None:
        """Write it into its folder, under a temporary name first."""
        plain = {key: value for key, value in asdict(self).items() if key != "folder" and value is not None}
        write_yaml(self.folder / "result.yaml", plain)


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean of several seeds, and how sure it is.

    Attributes:
        mean: Of the values.
        std: Sample standard deviation; None for a single value.
        low: Lower end of the 95 % confidence interval of the mean, by Student's t; None likewise.
        high: Upper end.
    """

    mean: float
    std: float | None = None
    low: float | None = None
    high: float | None = None


def spread(values: Sequence[float]) -> Spread:
    """Summarise the values of several seeds."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return Spread(mean)
    from scipy.stats import t

    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * std / math.sqrt(count)
    return Spread(mean, std, mean - half, mean + half)


def folder_of(run: Path, epochs: int, trial: int, init: RetrainWay = "scratch") -> Path:
    """The folder of a model's trainings; each has a folder ``seed-N`` in it."""
    kind = "" if init == "scratch" else f"-{init}"
    return run / "retrain" / f"{epochs}-epochs{kind}" / f"trial-{trial}"


def read_result(folder: Path) -> Result | None:
    """Read one finished training; None where it is not finished.

    Raises:
        InputError: The file is damaged.
    """
    path = folder / "result.yaml"
    if not path.is_file() or not (folder / WEIGHTS).is_file():
        return None
    try:
        return Result(**read_mapping(path), folder=folder)
    except TypeError as error:
        raise InputError(f"{path}: is damaged: {error}; remove it to train again") from None


def all_results(run: Path) -> list[Result]:
    """Every finished training of a run, of whatever length, by epochs, trial, start and seed."""
    found = (read_result(path.parent) for path in run.glob("retrain/*-epochs*/trial-*/seed-*/result.yaml"))
    return sorted((r for r in found if r is not None), key=lambda r: (r.epochs, r.trial, r.init, r.seed))


def best_of(run: Path, trial: TrialRecord) -> Result:
    """Of a trial's longest trainings the one with the highest validation accuracy.

    Raises:
        InputError: The trial was not retrained.
    """
    number = trial.number if trial.duplicate_of is None else trial.duplicate_of
    found = [result for result in all_results(run) if result.trial == number]
    if not found:
        raise InputError(
            f"trial {number} was not retrained; 'lcsearch retrain {run}' does", setting="retrained"
        )
    return max(found, key=lambda result: (result.epochs, result.accuracy, -result.seed))


def write_results(
    run: Path, epochs: int, trials: Iterable[TrialRecord], metric: Metric = ACCURACY
) -> tuple[RetrainRecord, ...]:
    """Gather every tested training of this length into ``retrain/results.yaml``.

    Of a model that was trained both ways and tested the one is taken that is better on validation images.

    Args:
        run: The run directory.
        epochs: The length.
        trials: Of the run.
        metric: What its accuracies are.

    Returns:
        What was written, by rising parameters.
    """
    found = all_results(run)
    tested = [r for r in found if r.epochs == epochs and r.test_accuracy is not None]
    models, records = [], []
    for trial in sorted(trials, key=lambda trial: (trial.params, trial.number)):
        own = better([result for result in tested if result.trial == trial.number])
        if own:
            records.append(_record(own))
            trained = [r for r in found if (r.trial, r.epochs) == (trial.number, epochs)]
            models.append(_plain(trial, own, trained))
    images = records[0].test_images if records else 0
    plain = {"version": VERSION, "epochs": epochs, "test_images": images, "models": models}
    if metric != ACCURACY:
        plain |= {"metric": metric, "effective_images": records[0].effective_images if records else None}
    write_yaml(run / "retrain" / "results.yaml", plain)
    return tuple(records)


def better(own: Sequence[Result]) -> list[Result]:
    """Of one model's results those of the way with the higher mean validation accuracy."""
    ways = [[result for result in own if result.init == way] for way in ("scratch", "compressed")]
    return max(filter(None, ways), key=lambda way: spread([r.accuracy for r in way]).mean, default=[])


def read_retrained(run: Path) -> tuple[RetrainRecord, ...]:
    """What ``retrain/results.yaml`` holds; nothing where there is none.

    Raises:
        InputError: It is damaged or from a newer version.
    """
    path = run / "retrain" / "results.yaml"
    if not path.is_file():
        return ()
    plain = read_mapping(path)
    if plain.get("version") != VERSION:
        raise InputError(
            f"{path}: version {plain.get('version')!r} is not {VERSION}, which this lcsearch reads"
        )
    try:
        return tuple(
            RetrainRecord(
                int(model["trial"]),
                int(plain["epochs"]),
                tuple(int(seed) for seed in model["seeds"]),
                tuple(float(accuracy) for accuracy in model["test_accuracies"]),
                int(plain["test_images"]),
                model.get("init", "scratch"),
                plain.get("effective_images"),
            )
            for model in plain["models"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: is damaged ({error!r}); 'lcsearch retrain {run}' writes it again"
        ) from None


def _record(own: Sequence[Result]) -> RetrainRecord:
    accuracies = tuple(r.test_accuracy for r in own if r.test_accuracy is not None)
    seeds = tuple(result.seed for result in own)
    first = own[0]
    return RetrainRecord(
        first.trial,
        first.epochs,
        seeds,
        accuracies,
        first.test_images or 0,
        first.init,
        first.effective_images,
    )


def _plain(trial: TrialRecord, own: Sequence[Result], trained: Sequence[Result]) -> dict[str, Any]:
    record = _record(own)
    found = spread(record.accuracies)
    about = {"trial": trial.number, "label": trial.label, "params": trial.params, "macs": trial.macs}
    other = [result.accuracy for result in trained if result.init != record.init]
    numbers = {
        "init": record.init,
        "seeds": list(record.seeds),
        "validation_accuracies": [result.accuracy for result in own],
        "test_accuracies": list(record.accuracies),
        "other_init_validation_accuracies": other or None,
        **asdict(found),
    }
    return {key: value for key, value in (about | numbers).items() if value is not None}
