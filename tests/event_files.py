"""Reads event files back with TensorBoard's own reader, and compares them with what a run has recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS

from lcsearch.core.records import TrialRecord


def load(folder: Path) -> EventAccumulator:
    """All that one run in TensorBoard holds."""
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    return found.Reload()


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    """A curve: steps and values, as they stand there; none where there is no such curve."""
    found = load(folder)
    if tag not in found.Tags()["scalars"]:
        return []
    return [(event.step, event.value) for event in found.Scalars(tag)]


def text(folder: Path, tag: str) -> str:
    """A text."""
    event = load(folder).Tensors(f"{tag}/text_summary")[-1]
    return event.tensor_proto.string_val[0].decode()


def hparams(folder: Path) -> dict[str, object]:
    """The values that TensorBoard compares runs by."""
    data = load(folder).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    found = metadata.parse_session_start_info_plugin_data(data).hparams
    return {name: getattr(value, str(value.WhichOneof("kind"))) for name, value in found.items()}


def succeeded(folder: Path) -> bool:
    """Whether the run has its end there, and which."""
    data = load(folder).SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    return bool(metadata.parse_session_end_info_plugin_data(data).status == STATUS_SUCCESS)


def assert_shown(place: Path, trials: tuple[TrialRecord, ...]) -> None:
    """Every trial is there, and every epoch of it once."""
    assert {path.name for path in place.iterdir()} == {
        "search",
        *(f"trial-{trial.number:04d}" for trial in trials),
    }
    for trial in trials:
        folder = place / f"trial-{trial.number:04d}"
        for tag in ("accuracy", "train_loss", "seconds"):
            wanted = [(done.epoch, pytest.approx(getattr(done, tag), rel=1e-6)) for done in trial.epochs]
            assert scalars(folder, tag) == wanted
        assert scalars(folder, "params") == [(0, trial.params)]
        assert scalars(folder, "macs") == [(0, trial.macs)]
        assert text(folder, "state").startswith(f"{trial.state}: ")
    ended = sorted(trials, key=lambda trial: trial.finished_at or 0)
    assert [value for _, value in scalars(place / "search", "trials/params")] == [t.params for t in ended]
