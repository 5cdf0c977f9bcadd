"""What commands do after the images of a run have changed: real runs on small pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from image_folders import make_folder, picture
from inline_engine import installed_inline

from lcsearch.cli.main import call
from lcsearch.data.image_list import read_image_list
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.read import read_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a run, its images and a cache of its own."""
    home = tmp_path_factory.mktemp("home")
    make_folder(home / "toys")
    (home / "installed").mkdir()
    with installed_inline(home / "installed"):
        assert call([
            "run", "--backbone", "tiny_net:tiny", "--dataset", f"folder:{home / 'toys'}", "--image-size", "8",
            "--epochs", "1", "--batch-size", "8", "--engine", "inline", "--trials", "2", "--jobs", "1",
            "--early-stopping", "none", "--out", str(home / "run"),
        ]) == 0  # fmt: skip
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Iterator[Path]:
    """The run as it was left, and its images where it knows them."""
    kept = tmp_path / "kept"
    shutil.copytree(made / "toys", kept)
    shutil.copytree(made / "run", tmp_path / "run")
    (tmp_path / "installed").mkdir()
    with installed_inline(tmp_path / "installed"):
        yield tmp_path
    shutil.rmtree(made / "toys", ignore_errors=True)
    shutil.copytree(kept, made / "toys")


def came(made: Path) -> None:
    for number in range(12):
        picture(300 + number).save(made / "toys" / "cube" / f"new{number}.bmp")


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


def test_resume_and_retrain_refuse_and_name_the_way_out(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    came(made)
    run = home / "run"
    before = (run / "run.yaml").read_bytes()
    for command in (["resume", str(run), "--trials", "3"], ["retrain", str(run), "--epochs", "1"]):
        assert call(command) == 2
        said = last_line(capsys)
        assert "12 came; put them back, or --data-changed use-old goes on with 38 of 38 training and" in said
    assert (run / "run.yaml").read_bytes() == before
    assert len(read_run(run).trials) == 2


def test_what_is_left_of_the_old_split_is_gone_on_with(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    came(made)
    for name in sorted((made / "toys" / "ring").iterdir())[:6]:
        name.unlink()
    run = home / "run"
    assert call(["resume", str(run), "--trials", "3", "--data-changed", "use-old"]) == 0
    said = capsys.readouterr().err
    assert "12 came, 6 went (training: " in said
    states = [trial.state for trial in read_run(run).trials]
    assert states.count("complete") == 3 and "failed" not in states
    notes = yaml.safe_load((run / "run.yaml").read_text())["notes"]
    assert "trials since then use" in notes[-1] and notes[-1] in (run / "report.html").read_text()
    assert call(["resume", str(run), "--trials", "3"]) == 0
    assert yaml.safe_load((run / "run.yaml").read_text())["notes"] == notes
    retrain = ["retrain", str(run), "--trial", "0", "--epochs", "1", "--seeds", "1", "--init", "compressed"]
    assert call(retrain) == 0
    assert call(["export", str(run), "--trial", "0", "-o", str(home / "a.pt2")]) == 0
    assert "the images have changed since this run was made: 12 came" in capsys.readouterr().out


def test_sensitivity_measures_on_what_is_left(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    came(made)
    ask = ["sensitivity", "--init", str(home / "run"), "--json"]
    page = home / "page.html"
    assert call([*ask, "--out", str(page)]) == 0
    said = capsys.readouterr().err
    left = "38 of 38 training and 10 of 10 validation images are as they were; no others are used"
    assert f"the images have changed since this run was made: 12 came; {left}" in said
    assert left in page.read_text()
    assert call([*ask, "--image-size", "9"]) == 0
    assert "the images are not compared with the run's" in capsys.readouterr().err
    for number, path in enumerate((made / "toys").rglob("*.bmp")):
        picture(number + 7000).resize((11, 11)).save(path)
    assert call(ask) == 2
    assert "0 of 38 training and 0 of 10 validation images are as they were" in last_line(capsys)


def test_sensitivity_has_the_runs_own_split(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = ["sensitivity", "--init", str(home / "run"), "--json"]
    assert call(ask) == 0
    assert "the images" not in capsys.readouterr().err
    assert call([*ask, "--train-images", "20"]) == 0
    assert "no others are used" not in capsys.readouterr().err


def test_retrain_says_of_its_results_what_they_are_on(home: Path, made: Path) -> None:
    came(made)
    run = home / "run"
    asked = ["retrain", str(run), "--trial", "0", "--epochs", "1", "--seeds", "1", "--init", "compressed"]
    assert call([*asked, "--data-changed", "use-old"]) == 0
    said = "the images have changed since this run was made: 12 came"
    assert said in (run / "report.html").read_text()
    assert said in yaml.safe_load((run / "run.yaml").read_text())["notes"][-1]


def test_retrain_needs_a_test_image_before_it_trains(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = home / "run"
    for line in read_image_list(RunDirectory(run).images):
        if line.part == "test":
            (made / "toys" / line.name).unlink()
    asked = ["retrain", str(run), "--epochs", "1", "--data-changed", "use-old"]
    assert call(asked) == 2
    assert "no test image is as it was, so none is left to test on" in last_line(capsys)
    assert not (run / "retrain").exists()


def test_images_that_are_gone_burn_no_trial(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = home / "run"
    shutil.rmtree(made / "toys")
    assert call(["resume", str(run), "--trials", "4"]) == 1
    said = last_line(capsys)
    assert f"its images cannot be read: folder:{made / 'toys'}: no such readable folder" in said
    assert len(read_run(run).trials) == 2
    assert call(["retrain", str(run), "--epochs", "1"]) == 1
    capsys.readouterr()
    assert call(["export", str(run), "--trial", "0", "-o", str(home / "a.pt2")]) == 0
    said = capsys.readouterr().out
    assert "the run's images cannot be read" in said and "checked on 100 random images" in said
    assert "minus (0.485, 0.456, 0.406)" in said


def test_a_run_of_an_older_version_goes_on_and_says_what_is_not_known(
    home: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = home / "run"
    path = RunDirectory(run).settings
    plain = yaml.safe_load(path.read_text())
    del plain["data"], plain["settings"]["data_changed"]
    path.write_text(yaml.safe_dump(plain))
    came(made)
    assert call(["resume", str(run), "--trials", "3"]) == 0
    assert "recorded nothing of its images" in capsys.readouterr().err
    assert call(["export", str(run), "--trial", "0", "-o", str(home / "a.pt2")]) == 0
    assert "recorded nothing of its images" in capsys.readouterr().out
