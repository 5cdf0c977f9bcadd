"""The settings as they are declared, against a table that was written by hand."""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from dataclasses import fields
from pathlib import Path

import click
import pytest
from run_files import run_file
from settings_table import ROWS, TAKERS, Row

from lcsearch.cli.main import call
from lcsearch.core.errors import InputError
from lcsearch.core.spec import Recipe
from lcsearch.core.yaml import write_yaml
from lcsearch.runs.inputs import INPUTS, checked
from lcsearch.runs.run_file import Facts, read_run_file, write_run_file
from lcsearch.runs.setting import GROUPS
from lcsearch.runs.settings import RunSettings
from lcsearch.search.python import search

NOT_ASKED = {
    "own_validation", "rung_factor", "threads", "threads_alone", "recipe", "objective", "fine_tune",
    "normalisation",
}  # fmt: skip
"""What run.yaml holds beside what somebody takes."""


def test_every_setting_is_in_the_table_with_those_who_take_it() -> None:
    assert Counter((one.name, frozenset(one.takes)) for one in INPUTS) == Counter(
        (row.name, row.takers) for row in ROWS
    )


@pytest.mark.parametrize("command", [name for name in TAKERS.values() if name != "search"])
def test_a_command_has_an_option_for_every_setting_that_it_takes(command: str) -> None:
    found: click.Command = getattr(importlib.import_module(f"lcsearch.cli.{command}"), command)
    options = {(one.name, one.opts[0]) for one in found.params if isinstance(one, click.Option)}
    others = {("as_json", "--json"), ("out", "--out")} if command == "sensitivity" else set()
    assert options - others == {(row.name, row.option) for row in ROWS if command in row.takers}


@pytest.mark.parametrize("command", [name for name in TAKERS.values() if name != "search"])
def test_help_shows_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert [row.option for row in ROWS if command in row.takers and f"  {row.option} " not in shown] == []


def test_python_has_an_argument_for_every_setting_that_it_takes() -> None:
    found = inspect.signature(search).parameters
    named = {name for name, one in found.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named - {"observers", "quiet"} == {row.name for row in ROWS if "search" in row.takers}
    assert all(one.default in (None, False, inspect.Parameter.empty) for one in found.values())
    assert all(f"        {name}: " in str(search.__doc__) for name in named - {"observers", "quiet"})


def test_run_yaml_has_a_key_for_every_setting_that_it_holds() -> None:
    sections = {"settings": RunSettings, "recipe": Recipe, "facts": Facts}
    for section, record in sections.items():
        keys = {field.name for field in fields(record)}  # type: ignore[arg-type]
        asked = {row.name for row in ROWS if row.section == section}
        assert asked <= keys
        if section == "settings":
            assert keys - asked == NOT_ASKED


def test_what_resume_takes_alters_the_result_of_no_trial_that_has_ended() -> None:
    assert {row.name for row in ROWS if "resume" in row.takers} == {
        "trials", "timeout", "engine", "jobs", "ray_address", "cpus_per_trial", "gpus_per_trial",
        "max_failures", "storage_path", "track", "data_changed", "profile", "data_memory", "data_cache",
            "finish", "finish_epochs",
    }  # fmt: skip


def test_help_says_what_each_is_in_a_sentence() -> None:
    for one in INPUTS:
        assert one.help[0].isupper() and one.help.endswith("."), one.name
        assert one.group in GROUPS
        assert "--" not in one.help, "Python has no options"


@pytest.mark.parametrize("row", [row for row in ROWS if "resume" not in row.takers], ids=lambda row: row.name)
def test_resume_refuses_what_it_does_not_take(row: Row) -> None:
    with pytest.raises(InputError, match=f"^{row.name}: "):
        checked({row.name: 1}, "resume")


def test_what_is_missing_is_said_by_name() -> None:
    with pytest.raises(InputError, match=r"^backbone: is missing$"):
        checked({"dataset": "digits", "backbone": None}, "run")
    with pytest.raises(InputError, match=r"^colour: there is no such setting; "):
        checked({"backbone": "base", "colour": "red"}, "run")


def test_settings_are_written_and_read(tmp_path: Path) -> None:
    made = RunSettings(
        "base", "digits", trials=5, timeout=60, objectives=("accuracy", "macs"), recipe=Recipe(lr=1e-5),
        fine_tune=Recipe(init="backbone"), init="trained", max_params=5000, gpus_per_trial=0.25,
    )  # fmt: skip
    content = run_file(made, Facts(10, 1, 16, 100, 50))
    write_run_file(tmp_path / "run.yaml", content)
    assert read_run_file(tmp_path / "run.yaml") == content


def test_a_run_yaml_of_an_early_version_means_what_it_meant(tmp_path: Path) -> None:
    """Before models were cut out of a backbone there was no ``init``, and all started from scratch."""
    plain = run_file(RunSettings("base", "digits", trials=5), Facts(10, 1, 16, 100, 50)).to_plain()
    later = (
        "init", "fine_tune", "new_head", "inherit", "storage", "objective", "track", "profile", "data_memory",
        "data_cache",
    )  # fmt: skip
    plain["settings"] = {key: value for key, value in plain["settings"].items() if key not in later}
    write_yaml(tmp_path / "run.yaml", plain)
    settings = read_run_file(tmp_path / "run.yaml").settings
    assert (settings.init, settings.fine_tune, settings.inherit) == ("scratch", None, False)
    assert settings.track == ()


@pytest.mark.parametrize(
    ("init", "distill", "alone", "threads"),
    [
        ("trained", 0.5, 8, 8),
        ("trained", 0.0, 8, 1),  # thinner nets, which learn nothing from the backbone, are trained beside it
        ("trained", 0.5, None, 1),  # a run of an older version
        ("weights.safetensors", 0.0, 8, 8),
        ("pretrained", 0.5, 8, 8),
    ],
)
def test_what_runs_alone_at_the_start_has_the_machine(
    init: str, distill: float, alone: int | None, threads: int
) -> None:
    tuned = Recipe(init="backbone", distill=distill)
    settings = RunSettings("base", "digits", init=init, fine_tune=tuned, threads_alone=alone)
    assert settings.threads_at_start == threads
