"""A search's records with an Optuna whose private names are others.

    python other_optuna.py STUDY.DB [NAME...]

Each NAME is renamed in Optuna's sources as they are imported, so that Optuna works as before and only who
uses the name from outside finds it gone. Prints what is proposed, before and after a restart, and what is
read back.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any


class Renaming(SourceFileLoader):
    """Reads a file with names changed."""

    def __init__(self, fullname: str, path: str, names: re.Pattern[bytes]) -> None:
        super().__init__(fullname, path)
        self._names = names

    def get_data(self, path: str) -> bytes:
        return self._names.sub(rb"\g<0>_of_late", super().get_data(path))

    def path_stats(self, path: str) -> Any:
        raise OSError("not from the cache, where names are as they were")


class Finder(MetaPathFinder):
    def __init__(self, names: list[str]) -> None:
        # Optuna has a module _storage, too, whose file keeps its name.
        self._names = re.compile(rf"(?<!journal\.)\b({'|'.join(names)})\b".encode())

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "optuna":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Renaming(fullname, spec.loader.path, self._names)
        return spec


def main(path: str, names: list[str]) -> None:
    if names:
        sys.meta_path.insert(0, Finder(names))

    from lcsearch.core.records import TrialRecord
    from lcsearch.core.spec import ModelSpec, Recipe, Regularizer, TrialSpec
    from lcsearch.runs.sqlite import sqlite_storage
    from lcsearch.runs.store import Store
    from lcsearch.search import samplers
    from lcsearch.search.sampler_view import Limits, SamplerView

    spec = TrialSpec(ModelSpec("base", 10, 1), Regularizer(), Recipe(epochs=1))

    def ended(number: int) -> TrialRecord:
        return TrialRecord(number, "complete", "sampler", "", spec, 100, 200, accuracy=50.0 + number)

    def sit(trials: int) -> None:
        """One process's part of a run: what is recorded is shown to the sampler, then trials are asked."""
        store = Store(sqlite_storage(Path(path)), ("accuracy", "params"))
        view = SamplerView(("accuracy", "params"), Limits(), store.memory())
        for record, proposal in store.read():
            view.add(record, proposal)
        for number in range(trials):
            trial = view.ask(samplers.make("qmc", seed=number + 40, space=None))
            print(json.dumps([trial.suggest_float("a", 0, 1), trial.suggest_int("b", 1, 9)]))
            store.remember(view.memory(), trial.number)
            running = TrialRecord(trial.number, "running", "sampler", "", spec, 100, 200)
            assert store.begin(running, view.proposal(trial)) == trial.number
            view.keep(trial, running)
            store.finish(ended(trial.number))
            view.end(ended(trial.number))
        store.close()

    sit(3)
    sit(2)
    for record, proposal in Store(sqlite_storage(Path(path)), ("accuracy", "params")).read():
        print(json.dumps([record.number, record.state, record.accuracy, proposal.params]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
