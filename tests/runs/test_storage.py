from __future__ import annotations

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from lcsearch.runs.sqlite import sqlite_storage

RANGES = {
    "a": FloatDistribution(0.01, 1.0, log=True),
    "n": IntDistribution(1, 9),
    "kind": CategoricalDistribution(("conv", "linear")),
}


@pytest.mark.parametrize(
    "state", [TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
)
def test_a_new_trial_is_what_optunas_own_storage_makes_of_it(tmp_path, state):
    template = create_trial(
        state=state,
        values=[91.5, 1e5] if state == TrialState.COMPLETE else None,
        params={"a": 0.25, "n": 3, "kind": "linear"},
        distributions=RANGES,
        user_attrs={"spec": {"layers": {"x": [1, 2.5, None]}}, "label": "ü"},
        system_attrs={"constraints:max_params": -0.5},
    )
    made = []
    storages = (
        sqlite_storage(tmp_path / "ours.db"),
        optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/o.db"),
    )
    for storage in storages:
        study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
        study_id = storage.get_study_id_from_name(study.study_name)
        storage.create_new_trial(study_id)
        trial_id = storage.create_new_trial(study_id, template)
        made.append(study.get_trials()[1])
        assert storage.get_trial_number_from_id(trial_id) == 1
    ours, optunas = made
    for name in ("number", "state", "params", "distributions", "user_attrs", "system_attrs", "values"):
        assert getattr(ours, name) == getattr(optunas, name), name
    assert (ours.datetime_complete is None) == (optunas.datetime_complete is None)
