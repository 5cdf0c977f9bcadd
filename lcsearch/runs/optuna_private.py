"""What is used of Optuna's private parts, each with what public parts do where it is gone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import sqlalchemy
from optuna.distributions import distribution_to_json
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, create_trial

_TABLES = ("TrialModel", "TrialParamModel", "TrialUserAttributeModel")


def sampler_notes(study: Study) -> Mapping[str, Any]:
    """What samplers keep with a study.

    Without the private part, what `note` kept; what Optuna's own samplers keep is then not seen.
    """
    storage = getattr(study, "_storage", None)
    if storage is None:
        return study.user_attrs
    kept: Mapping[str, Any] = storage.get_study_system_attrs(_id(storage, study))
    return kept


def note(study: Study, key: str, value: Any) -> None:
    """Keep a JSON value with a study for its sampler."""
    storage = getattr(study, "_storage", None)
    if storage is None:
        study.set_user_attr(key, value)
    else:
        storage.set_study_system_attr(_id(storage, study), key, value)


def _id(storage: BaseStorage, study: Study) -> int:
    return storage.get_study_id_from_name(study.study_name)


def rdb_storage(url: str, engine_kwargs: dict[str, Any] | None = None) -> RDBStorage:
    """Optuna's storage in a database; without the private parts new trials take it longer.

    Args:
        url: As SQLAlchemy takes it.
        engine_kwargs: For SQLAlchemy's ``create_engine``.
    """
    models = _models()
    if models is None or not hasattr(RDBStorage, "_get_prepared_new_trial"):
        return RDBStorage(url, engine_kwargs=engine_kwargs)
    return _BulkStorage(url, engine_kwargs, models)


def _models() -> ModuleType | None:
    """Optuna's tables as classes."""
    try:
        from optuna.storages._rdb import models
    except ImportError:
        return None
    return models if all(hasattr(models, table) for table in _TABLES) else None


class _BulkStorage(RDBStorage):
    """Optuna's storage, which adds all that a new trial holds at once, in the same transaction.

    Optuna asks the database three times for each parameter and attribute of a new trial whether it is there
    already: 20 ms at 40 parameters, with one process writing. It is not: the trial is new.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any] | None, models: ModuleType) -> None:
        self._models = models
        super().__init__(url, engine_kwargs=engine_kwargs)

    def _get_prepared_new_trial(self, study_id: int, template_trial: FrozenTrial | None, session: Any) -> Any:
        if template_trial is None:
            return super()._get_prepared_new_trial(study_id, None, session)
        bare = create_trial(state=template_trial.state, values=template_trial.values)
        bare.datetime_start = template_trial.datetime_start
        bare.datetime_complete = template_trial.datetime_complete
        bare.system_attrs = template_trial.system_attrs
        trial = super()._get_prepared_new_trial(study_id, bare, session)
        params = [
            {
                "trial_id": trial.trial_id,
                "param_name": name,
                "param_value": range_.to_internal_repr(template_trial.params[name]),
                "distribution_json": distribution_to_json(range_),
            }
            for name, range_ in template_trial.distributions.items()
        ]
        attributes = [
            {"trial_id": trial.trial_id, "key": key, "value_json": json.dumps(value)}
            for key, value in template_trial.user_attrs.items()
        ]
        tables = (self._models.TrialParamModel, self._models.TrialUserAttributeModel)
        for table, rows in zip(tables, (params, attributes), strict=True):
            if rows:
                session.execute(sqlalchemy.insert(table), rows)
        return trial

    def get_trial_number_from_id(self, trial_id: int) -> int:
        """One number from the table; Optuna's own reads the whole trial."""
        trials = self._models.TrialModel
        number = sqlalchemy.select(trials.number).where(trials.trial_id == trial_id)
        with self.engine.connect() as connection:
            return int(connection.execute(number).scalar_one())
