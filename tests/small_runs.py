"""Small models with lively weights, and runs made by hand: recorded trials, really trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from run_files import run_file
from torch import nn

from lcsearch.core.job import Job
from lcsearch.core.records import Origin, TrialRecord
from lcsearch.core.spec import LayerSpec, ModelSpec, Recipe, TrialSpec
from lcsearch.data import DatasetInfo
from lcsearch.layers import prune_coefficients
from lcsearch.layers.bank_norm import BankNorm
from lcsearch.layers.families.basis import BasisSpec
from lcsearch.layers.families.linear import LinearSpec
from lcsearch.layers.families.separable import SeparableSpec
from lcsearch.nets.channels import groups_of
from lcsearch.nets.count import count
from lcsearch.nets.replaceable import conv_layers
from lcsearch.nets.surgery import build_model
from lcsearch.runs.directory import RunDirectory
from lcsearch.runs.run_file import Facts
from lcsearch.runs.settings import RunSettings
from lcsearch.runs.storage import open_storage, study_name
from lcsearch.runs.store import Proposal, Store
from lcsearch.search.workers import make_objective

SPARSE = LinearSpec(0.25, sparsity=0.5)
LOW_RANK = LinearSpec(0.125, rank=2)
FULL = LinearSpec(0.125)
SEPARABLE = {
    "features.0": LOW_RANK,
    "features.4": SeparableSpec(2, rank=10),
    "features.8": SeparableSpec(1),
    "features.12": SeparableSpec(3),
}
BASIS = {
    "features.0": BasisSpec(4, bank_seed=1),
    "features.4": BasisSpec(16),
    "features.8": BasisSpec(24, train_basis=True),
    "features.12": BasisSpec(40, bank_seed=2),
}
INFO = DatasetInfo("digits", 10, 1, 16, (0.3,), (0.32,), False, 2)


def everywhere(backbone: str, layer: LayerSpec, width: float = 1.0) -> ModelSpec:
    """A backbone for digits with the same choice for every convolution."""
    plain = ModelSpec(backbone, 10, 1, width)
    with torch.device("meta"):
        names = list(conv_layers(build_model(plain)))
    return replace(plain, layers=dict.fromkeys(names, layer))


def thinner(spec: ModelSpec, share: float) -> ModelSpec:
    """The same with a share of the channels of every group."""
    spec = replace(spec, image_size=(16, 16))
    groups = groups_of(spec)
    return replace(spec, channels=groups.channels(groups.kept({one.name: share for one in groups.groups})))


SPECS = {
    "sparse": everywhere("base", SPARSE),
    "low rank": everywhere("base", LOW_RANK),
    "full": everywhere("base", FULL),
    "grouped": everywhere("resnext29", SPARSE, 0.125),
    "separable": ModelSpec("base", 10, 1, layers=SEPARABLE),
    "basis": ModelSpec("base", 10, 1, layers=BASIS),
    "thinner": thinner(everywhere("base", LOW_RANK), 0.5),
    "thinner, grouped": thinner(everywhere("resnext29", FULL, 0.125), 0.6),
}


def lively(spec: ModelSpec, seed: int = 0) -> nn.Module:
    """A model in evaluation mode whose batch norms and masks are as lively as training leaves them."""
    torch.manual_seed(seed)
    model = build_model(spec).train()
    prune_coefficients(model, 1.0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_()
                module.running_mean.normal_(std=0.3)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
                module.num_batches_tracked.fill_(7)  # type: ignore[union-attr]
            if isinstance(module, BankNorm):
                module.gain.uniform_(0.5, 1.5)
                module.offset.normal_()
                module.mean.normal_(std=0.3)
                module.variance.uniform_(0.5, 2.0)
    return model.eval().requires_grad_(False)


SETTINGS = RunSettings(
    "base",
    "digits",
    train_images=128,
    validation_images=100,
    image_size=16,
    trials=7,
    recipe=Recipe(epochs=1, batch_size=32),
)

TRIALS: tuple[tuple[Origin, str, ModelSpec, float], ...] = (
    ("baseline", "plain backbone", ModelSpec("base", 10, 1), 93.0),
    ("uniform", "uniform alpha 1/4", everywhere("base", LinearSpec(0.25)), 90.0),
    ("uniform", "uniform alpha 1/8", everywhere("base", FULL), 85.0),
    ("thinner", "thinner, width 0.5", ModelSpec("base", 10, 1, 0.5), 89.0),
    ("sampler", "", everywhere("base", SPARSE), 92.8),
    ("sampler", "", everywhere("base", LOW_RANK), 91.0),
    ("sampler", "", everywhere("base", LinearSpec(0.5)), 80.0),
)
"""Trials 0, 4 and 5 are the front; 6 is dominated, so its weights are not kept. Accuracies are invented."""


def make_run(path: Path, accuracies: Mapping[int, float] | None = None) -> Path:
    """Write a finished run of `TRIALS`; the weights of trials 0, 4 and 5 are trained for an epoch."""
    directory = RunDirectory.create(path)
    directory.write(run_file(SETTINGS, Facts(10, 1, 16, 128, 100, smallest_params=5_000)))
    store = Store(open_storage(SETTINGS, directory), SETTINGS.objectives, study_name(SETTINGS, directory))
    for number, (origin, label, model, accuracy) in enumerate(TRIALS):
        spec = TrialSpec(model, recipe=SETTINGS.recipe)
        size = count(build_model(model), (1, 16, 16))
        reached = (accuracies or {}).get(number, accuracy)
        record = TrialRecord(
            number, "complete", origin, label, spec, size.params, size.macs, size.layers, reached,
            started_at=1.0, finished_at=2.0,
        )  # fmt: skip
        assert store.begin(record, Proposal()) == number
        if number in (0, 4, 5):
            folder = str(directory.trial(number))
            make_objective(SETTINGS)(Job(number, 0, number, spec, folder, False), lambda epoch, metrics: True)
    store.close()
    return path
