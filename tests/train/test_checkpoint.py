from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import BinaryIO

import pytest
import torch

from lcsearch.train.checkpoint import load_checkpoint, save_checkpoint


def _state() -> dict[str, object]:
    return {"identity": "a", "weights": torch.arange(1000.0), "history": [{"epoch": 1}]}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, _state())
    state = load_checkpoint(path, "a")
    assert state is not None
    assert torch.equal(state["weights"], torch.arange(1000.0))
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_no_file_is_no_checkpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_checkpoint(tmp_path / "checkpoint.pt", "a") is None
    assert not caplog.records


def test_another_trainings_checkpoint_is_not_used(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.pt", _state())
    assert load_checkpoint(tmp_path / "c.pt", "b") is None


@pytest.mark.parametrize("keep", [0, 1, 100, 2000, -1])
def test_cut_file_is_not_used(tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, _state())
    path.write_bytes(path.read_bytes()[:keep])
    with caplog.at_level(logging.WARNING):
        assert load_checkpoint(path, "a") is None
    assert "training starts anew" in caplog.text


def test_single_flipped_bit_in_the_weights_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, _state())
    content = bytearray(path.read_bytes())
    place = content.index(torch.tensor([500.0, 501.0]).numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert load_checkpoint(path, "a") is None


class _Harmful:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.target),))


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"identity": "a", "x": _Harmful(tmp_path / "harm")}, tmp_path / "c.pt")
    assert load_checkpoint(tmp_path / "c.pt", "a") is None
    assert not (tmp_path / "harm").exists()


def test_a_write_that_fails_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, _state())
    before = path.read_bytes()

    def full(state: object, file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, {"identity": "a"})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]
