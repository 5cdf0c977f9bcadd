"""Event files, as TensorBoard reads them: curves, texts and hparams of one run in TensorBoard.

Written record by record in the thread that calls, so that a full disk is an error there, and nobody else's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class EventFile:
    """One run in TensorBoard: a folder that holds one event file of ours.

    One that is there is removed: what is written twice would be there twice.

    Args:
        folder: The folder, which is made if need be.
        key: The end of the file's name, which tells our files from those of others.

    Raises:
        OSError: The folder is not writable.
    """

    def __init__(self, folder: Path, key: str) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"*tfevents*.{key}"):
            old.unlink()
        self._file = (folder / f"events.out.tfevents.{time.time_ns()}.{key}").open("wb")
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int, seconds: float | None) -> None:
        """Write a point of a curve.

        Args:
            tag: The curve.
            value: The point, kept in single precision.
            step: Where on the curve.
            seconds: When, in Unix time; None for now.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._summary(Summary(value=[Summary.Value(tag=tag, simple_value=value)]), step, seconds)

    def text(self, tag: str, text: str) -> None:
        """Write a text, in Markdown."""
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._summary(text_pb(f"{tag}/text_summary", text))

    def hparams(self, name: str, values: Mapping[str, Any], seconds: float | None) -> None:
        """Write what was chosen: a row in TensorBoard's table, beside the last points of the curves.

        Args:
            name: The row's.
            values: Numbers, texts and booleans by name.
            seconds: When it was begun, in Unix time; None for now.
        """
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        self._summary(hparams_pb(dict(values), trial_id=name, start_time_secs=seconds))

    def end(self, succeeded: bool, seconds: float | None) -> None:
        """Write that the row is whole."""
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

        status = STATUS_SUCCESS if succeeded else STATUS_FAILURE
        info = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=seconds))
        about = metadata.create_summary_metadata(info)
        tag = metadata.SESSION_END_INFO_TAG
        self._summary(Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)]))

    def flush(self) -> None:
        """Let others read what was written."""
        self._records.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._records.close()

    def _summary(self, summary: Any, step: int = 0, seconds: float | None = None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._write(Event(wall_time=seconds or time.time(), step=step, summary=summary))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())
