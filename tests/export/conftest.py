"""Models of every kind of coefficients, grouped ones among them, and one small run."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import INFO, SPECS, lively, make_run
from torch import nn

from lcsearch.core.config import config_text
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.export.source import About


@pytest.fixture(params=SPECS)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return SPECS[request.param]


@pytest.fixture
def model(spec: ModelSpec) -> nn.Module:
    return lively(spec)


@pytest.fixture
def about(spec: ModelSpec) -> About:
    return About(config_text(TrialSpec(spec)), INFO)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "small")
