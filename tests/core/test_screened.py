"""What was seen of candidates, as plain data: what this version wrote, and what older ones did."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from lcsearch.core.screened import Looked, Screened

MADE = Screened(61.5, 3, 900, (Looked(400, 61.5, 250), Looked(90, 30.0, 62)))
LOOKED = [{"params": 400, "accuracy": 61.5, "images": 250}, {"params": 90, "accuracy": 30.0, "images": 62}]
PLAIN = {"accuracy": 61.5, "models": 3, "images": 900, "looked": LOOKED}


def test_it_reads_what_it_writes() -> None:
    assert asdict(MADE) == PLAIN | {"looked": tuple(LOOKED)}
    assert Screened.from_plain(PLAIN) == MADE


@pytest.mark.parametrize("accuracy", [61.5, None])
def test_older_versions_did_not_say_what_was_looked_at(accuracy: float | None) -> None:
    plain = {"accuracy": accuracy, "models": 3, "images": 900}
    assert Screened.from_plain(plain) == Screened(accuracy, 3, 900, ())
