"""Reads back the files that wandb keeps offline: LevelDB's log format, with wandb's own records in it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import wandb
from wandb.proto.wandb_internal_pb2 import Record

_BLOCK, _HEADER = 32 * 1024, 7


def records(file: Path) -> Iterator[Any]:
    """Every record, in order."""
    data, place, parts = file.read_bytes(), _HEADER, b""  # the file begins with as many bytes of its own
    while place + _HEADER <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + _HEADER])
        parts += data[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (1, 4):  # whole, or the last of several
            yield Record.FromString(parts)
            parts = b""


def files_of(run: Path, name: str) -> list[Path]:
    """The files of one of wandb's runs below a run directory, written to their ends."""
    wandb.teardown()  # a run that has finished is written on by wandb's own process, until it ends
    return sorted((run / "wandb").glob(f"offline-run-*-{name}/*.wandb"))


def history(run: Path, name: str) -> list[dict[str, Any]]:
    """What was logged, in order."""
    return [
        {(item.key or ".".join(item.nested_key)): json.loads(item.value_json) for item in one.history.item}
        for file in files_of(run, name)
        for one in records(file)
        if one.WhichOneof("record_type") == "history"
    ]


def about(run: Path, name: str) -> Any:
    """The record of a run: its group, its name, its config."""
    (file,) = files_of(run, name)
    return next(one.run for one in records(file) if one.WhichOneof("record_type") == "run")


def config(run: Path, name: str) -> dict[str, Any]:
    """What was chosen."""
    items = about(run, name).config.update
    return {(item.key or ".".join(item.nested_key)): json.loads(item.value_json) for item in items}


def summary(run: Path, name: str) -> dict[str, Any]:
    """The last value of everything that was written of a run beside its history."""
    (file,) = files_of(run, name)
    found = dict[str, Any]()
    for one in records(file):
        if one.WhichOneof("record_type") == "summary":
            found |= {(i.key or ".".join(i.nested_key)): json.loads(i.value_json) for i in one.summary.update}
    return found
