"""The last step: the one place of lcsearch that reads test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lcsearch import data
from lcsearch.core.device import pick_device
from lcsearch.core.errors import InputError
from lcsearch.core.metric import ACCURACY, Metric, effective_images
from lcsearch.data import SearchData, Split
from lcsearch.data.image_list import read_image_list
from lcsearch.data.recorded import RecordedImages
from lcsearch.nets.tensors import trained_model
from lcsearch.runs.retrained import Result
from lcsearch.runs.settings import RunSettings
from lcsearch.search.retrain.director import Task
from lcsearch.train.evaluate import evaluate


def evaluate_once(
    tasks: Sequence[Task],
    settings: RunSettings,
    validation: SearchData,
    recorded: RecordedImages | None = None,
) -> list[Result]:
    """Measure the test accuracy of every finished training that has none yet, by the run's metric; record it.

    Call it after the last training. A training is tested once; the number is never looked at to choose.

    Args:
        tasks: The trainings; those that did not finish are left out.
        settings: Name the data set and the device.
        validation: The images of the search, whose normalisation the test images get.
        recorded: The split whose test images are meant where images have changed; None divides them anew.

    Returns:
        What is tested now, and was before.
    """
    results = [(task, result) for task in tasks if (result := task.result()) is not None]
    if all(result.test_accuracy is not None for _, result in results):
        return [result for _, result in results]
    tested = []
    with data.final_evaluation():
        split = _test_images(settings, recorded)
        effective = _effective(settings.metric, split)
        for task, result in results:
            if result.test_accuracy is None:
                device = _device(settings.device)
                model = trained_model(task.spec.model, result.weights).to(device)
                accuracy = evaluate(model, split, validation.info, metric=settings.metric, device=device)
                result = replace(
                    result, test_accuracy=accuracy, test_images=len(split), effective_images=effective
                )
                result.write()
            tested.append(result)
    return tested


def _effective(metric: Metric, split: Split) -> int | None:
    """Test images of a plain accuracy that is as uncertain, where the metric is another one."""
    return None if metric == ACCURACY else effective_images(metric, split.labels.bincount().tolist())


def _test_images(settings: RunSettings, recorded: RecordedImages | None) -> Split:
    where: dict[str, Any] = {
        "data_dir": settings.data_dir,
        "image_size": settings.image_size,
        "room": settings.room,
    }
    if recorded is None:
        return data.test_split(settings.dataset, **where)
    return data.recorded_test_split(settings.dataset, read_image_list(recorded.file), **where)


def _device(name: str) -> str:
    """The run's device, or the CPU where this machine, unlike the workers', has none."""
    try:
        return pick_device(name)
    except InputError:
        return "cpu"
