from __future__ import annotations

import threading
from typing import Any

import pytest

from lcsearch.core import plugins
from lcsearch.core.job import Objective
from lcsearch.engines import Director, EngineSettings, find
from lcsearch.engines.local import LocalEngine
from lcsearch.testing import check_engine


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.ray] if name == "ray" else [])
        for name in plugins.names(plugins.ENGINE)
    ],
)
def test_ours_keep_the_contract(name: str) -> None:
    check_engine(find(name))


class Silent(LocalEngine):
    def describe(self) -> str:
        return ""


class NoJobs(LocalEngine):
    def __init__(self, jobs: int) -> None:
        super().__init__(0)


class Says(LocalEngine):
    """Says that it runs fewer jobs than it does."""

    said = 2

    @property
    def jobs(self) -> int:
        return self.said

    def prepare(self, objective: Objective) -> None:
        self.said = 1

    def run(self, director: Director, objective: Objective) -> None:
        self.said = 2
        super().run(director, objective)


class OtherThread(LocalEngine):
    def run(self, director: Director, objective: Objective) -> None:
        raised: list[BaseException] = []

        def work() -> None:
            try:
                super(OtherThread, self).run(director, objective)
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        raise raised[0]


class Altered:
    """A director that hears something else than it is told."""

    def __init__(self, director: Director) -> None:
        self.director: Any = director

    def __getattr__(self, name: str) -> Any:
        return getattr(self.director, name)


class FailuresAsEnds(Altered):
    def on_failed(self, number: int, reason: str) -> None:
        self.director.on_complete(number, {"accuracy": 0.0})


class NoReason(Altered):
    def on_failed(self, number: int, reason: str) -> None:
        self.director.on_failed(number, "see the log\nof the worker")


class TellsThrough(LocalEngine):
    def __init__(self, jobs: int, altered: type[Altered]) -> None:
        super().__init__(jobs)
        self.altered = altered

    def run(self, director: Director, objective: Objective) -> None:
        super().run(self.altered(director), objective)  # type: ignore[arg-type]


def through(altered: type[Altered]) -> Any:
    return lambda settings: TellsThrough(settings.jobs or 1, altered)


@pytest.mark.parametrize(
    ("maker", "complaint"),
    [
        (lambda settings: Silent(2), r"describe\(\) returned ''"),
        (lambda settings: NoJobs(2), r"jobs is 0 before prepare\(\)"),
        (lambda settings: Says(2), "it ran 2 jobs at once and says it runs 1"),
        (lambda settings: OtherThread(2), "calls the director from another thread"),
        (through(FailuresAsEnds), r"a job that raises it told \['started', 'complete'\]"),
        (through(NoReason), "the reason of a job that raises is 'see the log.nof the worker'; expected one"),
    ],
)
def test_what_breaks_it_is_said(maker: Any, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_engine(maker)


def test_settings_of_ones_own(tmp_path: Any) -> None:
    given: list[EngineSettings] = []

    def maker(settings: EngineSettings) -> LocalEngine:
        given.append(settings)
        return LocalEngine(settings.jobs or 1)

    check_engine(maker, lambda folder: EngineSettings(folder, jobs=1, ray_address="head:6379"))
    assert {(settings.jobs, settings.ray_address) for settings in given} == {(1, "head:6379")}
