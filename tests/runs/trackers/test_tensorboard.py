"""What TensorBoard shows of a search, read with its own reader and compared with what is recorded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml
from followed_search import Dying, fails, search
from inline_engine import Killed
from simulated_search import session

from lcsearch.core.config import parse_config
from lcsearch.core.errors import InputError
from lcsearch.core.spec import TrialSpec
from lcsearch.runs import trackers
from lcsearch.runs.read import read_run

pytest.importorskip("tensorboard")

from event_files import assert_shown, hparams, scalars, succeeded, text

pytestmark = pytest.mark.slow


def board_of(folder: Path) -> str:
    """What ``--track`` is given."""
    return f"tensorboard:{folder / 'board'}"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the run ``whole``, with trials of several kinds, and ``board``, where it was followed."""
    folder = tmp_path_factory.mktemp("runs")
    trials = search(folder / "whole", board_of(folder), trials=14, max_params=60_000)
    assert {trial.state for trial in trials} == {"complete", "pruned", "rejected"}
    return folder


def test_it_shows_every_trial_with_every_epoch(runs: Path) -> None:
    assert_shown(runs / "board" / "whole", read_run(runs / "whole").trials)


def test_it_shows_what_was_searched_and_tried(runs: Path) -> None:
    board, run = runs / "board" / "whole", read_run(runs / "whole")
    assert yaml.safe_load(text(board / "search", "settings").strip("`")) == run.settings
    assert str(runs / "whole" / "report.html") in text(board / "search", "files")
    for trial in run.trials:
        folder = board / f"trial-{trial.number:04d}"
        config = parse_config(yaml.safe_load(text(folder, "spec").strip("`")), "spec")
        assert without_plain_layers(config.spec) == without_plain_layers(trial.spec)
        shown = hparams(folder)
        assert shown["origin"] == trial.origin and shown["recipe.lr"] == trial.spec.recipe.lr
        for name, share in trial.spec.model.channels.items():
            assert shown[f"channels.{name}"] == share and shown["image_size"] == "32, 32"
        for name, layer in trial.spec.model.layers.items():
            assert shown[f"layers.{name}.family"] == layer.family
        final = [] if trial.accuracy is None else [(0, pytest.approx(trial.accuracy, rel=1e-6))]
        assert scalars(folder, "final_accuracy") == final and succeeded(folder)


def without_plain_layers(spec: TrialSpec) -> object:
    """A spec without its plain layers, which a config leaves out."""
    plain = spec.to_plain()
    return plain | {"layers": {k: v for k, v in plain["layers"].items() if v["family"] != "conv"}}


def test_after_a_kill_each_epoch_is_there_once_and_what_was_lost_is_there_again(tmp_path: Path) -> None:
    board = tmp_path / "board" / "run"
    with pytest.raises(Killed):
        search(tmp_path / "run", board_of(tmp_path), Dying(), trials=6)
    assert [epoch for epoch, _ in scalars(board / "trial-0003", "accuracy")] == [1, 2]
    for number in (1, 3):  # the process ended while these were written
        file = next((board / f"trial-{number:04d}").iterdir())
        os.truncate(file, file.stat().st_size - 100)
    (board / "trial-0002").rename(tmp_path / "never written")
    trials = search(tmp_path / "run", board_of(tmp_path), fails, trials=6)
    assert_shown(board, trials)
    assert [number for number in range(6) if not succeeded(board / f"trial-{number:04d}")] == [4]
    assert all(len(list(folder.iterdir())) == 1 for folder in board.iterdir())


def test_one_that_is_added_later_shows_the_run_from_its_start(runs: Path, tmp_path: Path) -> None:
    trials = search(runs / "whole", f"tensorboard:{tmp_path}", trials=16, max_params=60_000)
    assert_shown(tmp_path / "whole", trials)


def test_two_runs_of_one_name_do_not_mix(tmp_path: Path) -> None:
    board = tmp_path / "board"
    one, other = tmp_path / "here" / "run", tmp_path / "there" / "run"
    for path, seed, study in ((one, 1, "a" * 12), (other, 2, "b" * 12)):
        with session(path, trials=3, seed=seed):
            pass
        file = path / "run.yaml"
        file.write_text(file.read_text().replace("study: null", f"study: lcsearch:{study}"))
    for trials in (3, 5):  # each goes on where it was
        place = f"tensorboard:{board}"
        shown = [search(one, place, trials=trials, seed=1), search(other, place, trials=trials, seed=2)]
        assert sorted(path.name for path in board.iterdir()) == ["run", "run-2"]
        assert_shown(board / "run", shown[0])
        assert_shown(board / "run-2", shown[1])


def test_places_are_understood_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    wanted = ["tensorboard:board", "tensorboard:~/board", f"tensorboard:{tmp_path}/board"]
    made = trackers.make(wanted)
    assert list(made) == [f"tensorboard:{tmp_path}/board", f"tensorboard:{tmp_path}/me/board"]
    assert list(trackers.make(made)) == list(made)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, reason in (
        (tmp_path / "file", "File exists"),
        (tmp_path / "file" / "board", "Not a directory"),
    ):
        with pytest.raises(InputError, match=f"^track: {place}: not writable: {reason}$"):
            trackers.make([f"tensorboard:{place}"])


def test_where_tensorboard_is_missing_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    advice = r"needs tensorboard, not installed here; pip install 'lcsearch\[tensorboard\]'"
    with pytest.raises(InputError, match=f"^track: {advice}$"):
        trackers.make([f"tensorboard:{tmp_path / 'board'}"])
    assert not list(tmp_path.iterdir())
