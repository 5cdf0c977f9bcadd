"""The epochs of a training that may be killed, train anew, or train another spec."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.records import EpochRecord
from lcsearch.runs.retrained_epochs import EpochFile


def done(epoch: int, accuracy: float) -> EpochRecord:
    return EpochRecord(epoch, accuracy, 0.5, 1.0, 100.0 + epoch)


def test_a_line_that_was_cut_is_left_out_and_those_behind_it_are_read(tmp_path: Path) -> None:
    file = EpochFile(tmp_path / "seed-1", "abc")
    file.add(done(1, 10.0))
    file.add(done(2, 20.0))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    assert file.read() == (done(1, 10.0),)
    file.add(done(2, 21.0))
    file.add(done(3, 30.0))
    assert file.read() == (done(1, 10.0), done(2, 21.0), done(3, 30.0))


def test_epochs_of_another_training_are_not_read(tmp_path: Path) -> None:
    before, file = (EpochFile(tmp_path / "seed-1", fingerprint) for fingerprint in ("abc", "def"))
    for epoch in (1, 2, 3):
        before.add(done(epoch, 10.0))
    assert file.read() == ()
    file.add(done(1, 50.0))
    file.add(done(2, 60.0))
    assert file.read() == (done(1, 50.0), done(2, 60.0)) and file.read(1) == (done(1, 50.0),)
