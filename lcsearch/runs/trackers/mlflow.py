"""MLflow: a run for the search, and in it one for each trial and for each model that is trained again.

``mlflow:URI``, or ``mlflow:URI#EXPERIMENT``; the URI is what MLflow calls a tracking URI, such as
``http://HOST:5000`` or ``sqlite:///FILE``. Runs are found again by tags, and asked what they hold: a search
that goes on writes what is not there yet.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from lcsearch.core.config import config_text
from lcsearch.core.environment import environment
from lcsearch.core.errors import InputError, reason
from lcsearch.core.packages import require
from lcsearch.core.yaml import yaml_text
from lcsearch.runs.trackers import TrackedRun
from lcsearch.runs.trackers._of_parts import PartTracker
from lcsearch.runs.trackers._parts import Part, epoch_values, of_trial, settings_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "lcsearch"
"""Where runs go unless the place or ``MLFLOW_EXPERIMENT_NAME`` says it."""

_MOST_PARAMS, _MOST_METRICS, _LONGEST_NAME, _LONGEST_PARAM = 100, 1000, 250, 6000
"""MLflow's limits on one call, and on one parameter."""

_FORM = "write a tracking URI, such as http://HOST:5000 or sqlite:///FILE"
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
"""Its environment alone tells MLflow not to try for minutes."""
_RUN, _PART, _STATE = "lcsearch.run", "lcsearch.part", "lcsearch.state"

_Point = tuple[str, float, float | None, int]
"""Name, value, Unix time and step of a metric."""


@dataclass
class _Child:
    """A part's run in MLflow.

    Attributes:
        id: Its identifier there.
        epoch: The last epoch that is there.
        open: Whether this process works on it.
        state: What is there of it: ``running`` before its end.
    """

    id: str
    epoch: int = 0
    open: bool = False
    state: str = "running"


class MLflow(PartTracker):
    """Writes runs of MLflow.

    Args:
        place: ``URI`` or ``URI#EXPERIMENT``.

    Raises:
        InputError: It is not reached, is none, or MLflow is not installed.
    """

    def __init__(self, place: str) -> None:
        require(["mlflow"], "lcsearch[mlflow]", "track")
        address, _, experiment = place.partition("#")
        self._address = _anywhere(address)
        self._experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        super().__init__(f"{self._address}#{self._experiment}")
        _check_reached(self._address)

    def start(self, run: TrackedRun) -> None:
        """Write what is recorded, as far as it is not there."""
        self._client, self._key, self._name = _client(self._address), run.key, run.name
        self._into = self._experiment_id()
        self._children: dict[str, _Child] = {}
        self._parent = self._find()
        self._client.log_text(self._parent, yaml_text(run.record.settings), "run.yaml")
        if not self._client.get_run(self._parent).data.params:
            self._log_params(self._parent, settings_of(run.record))
        for trial in run.record.trials:
            self.write(of_trial(trial))

    def files_written(self, files: Sequence[Path]) -> None:
        """Keep them as artifacts of the search's run."""
        for file in files:
            self._client.log_artifact(self._parent, str(file))

    def close(self) -> None:
        """End the search's run, and those that nobody works on any more: going on opens them again."""
        open_ones = [child.id for child in self._children.values() if child.state == "running"]
        for one in open_ones:
            self._client.set_terminated(one, "KILLED")
        self._client.set_terminated(self._parent, "KILLED" if open_ones else "FINISHED")

    def exported(self, run: TrackedRun, file: Path) -> None:
        """Keep it as an artifact of the search's run."""
        self._client = _client(self._address)
        self._into = self._experiment_id()
        for found in self._runs(f"tags.`{_RUN}` = '{run.key}' AND tags.`{_PART}` = 'search'"):
            self._client.log_artifact(found.info.run_id, str(file), "exports")

    def _experiment_id(self) -> str:
        """The experiment's, which is made if need be; beside a SQLite file its artifacts lie beside it."""
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        beside = None
        if self._address.startswith("sqlite:"):
            beside = (_sqlite_file(self._address).parent / "mlartifacts" / self._experiment).as_uri()
        return str(self._client.create_experiment(self._experiment, artifact_location=beside))

    def _find(self) -> str:
        """The search's run, which is made if need be; what else there is of it is remembered."""
        parent = None
        for found in self._runs(f"tags.`{_RUN}` = '{self._key}'"):
            tags, name = found.data.tags, found.info.run_id
            if tags.get(_PART) == "search":
                parent = name
            else:
                self._children[tags[_PART]] = _Child(name, state=tags.get(_STATE, "running"))
        if parent is None:
            return self._create("search", self._name, None, {})
        self._client.update_run(parent, status="RUNNING")
        return str(parent)

    def _runs(self, wanted: str) -> Iterator[Any]:
        page, token = None, ""
        while page is None or token:
            page = self._client.search_runs([self._into], wanted, page_token=token or None)
            token = page.token
            yield from page

    def write(self, part: Part) -> None:
        """Write whatever is not there yet of a part."""
        child = self._child(part)
        if child.state != "running":
            return
        new = [done for done in part.epochs if done.epoch > child.epoch]
        points: list[_Point] = [
            (name, value, done.finished_at, done.epoch)
            for done in new
            for name, value in epoch_values(done).items()
        ]
        if part.ended:
            points += [(name, value, part.finished_at, 0) for name, value in part.ends.items()]
        self._log_metrics(child.id, points)
        child.epoch = max([child.epoch, *(done.epoch for done in new)])
        if part.ended:
            self._end(child, part)

    def _child(self, part: Part) -> _Child:
        """A part's run, opened and with all that is known when it starts."""
        child = self._children.get(part.name)
        if child is None:
            tags = {"mlflow.parentRunId": self._parent}
            child = _Child(self._create(part.name, part.title, part.started_at, tags), open=True)
            self._children[part.name] = child
            self._begin(child, part)
        elif not child.open and (child.state == "running" or (child.state == "failed" and not part.final)):
            self._client.update_run(child.id, status="RUNNING")
            self._client.set_tag(child.id, _STATE, "running")
            child.open, child.state, child.epoch = True, "running", self._last_epoch(child.id)
            self._begin(child, part)  # an earlier process may have begun it in part only
        return child

    def _last_epoch(self, run: str) -> int:
        return max((point.step for point in self._client.get_metric_history(run, "accuracy")), default=0)

    def _create(self, part: str, title: str, began: float | None, tags: Mapping[str, str]) -> str:
        tags = {_RUN: self._key, _PART: part, **tags}
        made = self._client.create_run(self._into, start_time=_ms(began), tags=tags, run_name=title)
        return str(made.info.run_id)

    def _begin(self, child: _Child, part: Part) -> None:
        self._log_params(child.id, part.choices)
        self._log_metrics(child.id, [(name, value, part.started_at, 0) for name, value in part.sizes.items()])
        self._client.log_text(child.id, config_text(part.spec), "spec.yaml")

    def _end(self, child: _Child, part: Part) -> None:
        """Write what became of it, last of all that it has its end."""
        self._log_metrics(
            self._parent,
            [(name, value, part.finished_at, part.number) for name, value in part.on_search.items()],
        )
        self._client.set_tag(child.id, "mlflow.note.content", part.words)
        self._client.set_terminated(
            child.id, "FAILED" if part.failed else "FINISHED", end_time=_ms(part.finished_at)
        )
        self._client.set_tag(child.id, _STATE, part.state)
        child.state = part.state

    def _log_params(self, run: str, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        named = {_name(name): str(value)[:_LONGEST_PARAM] for name, value in values.items()}
        params = [Param(name, value) for name, value in named.items()]
        for first in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(run, params=params[first : first + _MOST_PARAMS])

    def _log_metrics(self, run: str, points: Sequence[_Point]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(name, float(value), _ms(at), step) for name, value, at, step in points]
        for first in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[first : first + _MOST_METRICS])


TRACKER = MLflow


def _client(address: str) -> MlflowClient:
    """What speaks with MLflow, without lines about each run on the terminal."""
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(address)


def _anywhere(address: str) -> str:
    """The address as it is understood in any folder."""
    if "://" not in address and address != "databricks":
        raise InputError(f"mlflow:{address} is no address; {_FORM}", setting="track")
    if address.startswith("sqlite:"):
        return f"sqlite:///{_sqlite_file(address)}"
    parts = urlsplit(address)
    if parts.password or any(re.search("passw|token", key, re.IGNORECASE) for key in parse_qs(parts.query)):
        hidden = re.sub(r"//[^@]*@", "//", address.partition("?")[0])
        problem = (
            f"mlflow:{hidden} has a password or token in it, which run.yaml would keep; leave it out and "
        )
        raise InputError(
            f"{problem}set MLFLOW_TRACKING_PASSWORD, or what its database reads", setting="track"
        )
    return address


def _sqlite_file(address: str) -> Path:
    return Path(address.removeprefix("sqlite:///")).expanduser().resolve()


def _check_reached(address: str) -> None:
    """Ask for something, and do not wait long for it."""
    try:
        with environment(_IMPATIENT):
            _client(address).search_experiments(max_results=1)
    except Exception as error:
        problem = f"mlflow:{address} cannot be reached: {reason(error)}"
        raise InputError(f"{problem}; 'mlflow:sqlite:///FILE' needs no server", setting="track") from error


def _name(path: str) -> str:
    """A parameter's name in the letters that MLflow takes."""
    return re.sub(r"[^\w\-. /:]", "_", path)[-_LONGEST_NAME:]


def _ms(seconds: float | None) -> int:
    return round(1000 * (time.time() if seconds is None else seconds))
