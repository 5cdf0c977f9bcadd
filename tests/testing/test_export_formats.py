from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor, nn

from lcsearch.core import plugins
from lcsearch.core.config import Source
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.export.formats import Format, find
from lcsearch.export.formats.weights import Weights
from lcsearch.export.formats.yaml import Yaml
from lcsearch.export.source import About
from lcsearch.testing import check_export_format


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in ("conv", "onnx") else ()) for name in
             plugins.names(plugins.EXPORT_FORMAT)],
)  # fmt: skip
def test_ours_keep_the_contract(name: str) -> None:
    check_export_format(find(name))


class OtherOutputs(Weights):
    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        real = super().read(path)
        return lambda images: real(images) * 1.001


class NoBatches(Weights):
    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
        real = super().read(path)
        return lambda images: real(images[:1])


class ChangesTheModel(Weights):
    def write(self, model: nn.Module, about: About, path: Path) -> None:
        super().write(model.train(), about, path)


class Beside(Weights):
    def write(self, model: nn.Module, about: About, path: Path) -> None:
        super().write(model, about, path)
        path.with_name("labels.txt").write_text("a second file")


class Appends(Weights):
    def write(self, model: nn.Module, about: About, path: Path) -> None:
        super().write(model, about, path.with_suffix(".safetensors"))


class BadSuffix(Weights):
    suffixes = ("safetensors",)


class NothingToInstall(Weights):
    packages = ("tflite",)


class FoldsWrongly(Weights):
    folds_batch_norm = True

    def write(self, model: nn.Module, about: About, path: Path) -> None:
        if about.fold_batch_norm:
            raise NotImplementedError("folding")
        super().write(model, about, path)


class Forgets(Yaml):
    def write(self, spec: TrialSpec, source: Source, path: Path) -> None:
        model = ModelSpec(spec.model.backbone, 10, 1)
        super().write(TrialSpec(model, recipe=spec.recipe), source, path)


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        (OtherOutputs(), r"computes something else: outputs differ by 1\.\de-03"),
        (NoBatches(), r"5 images give outputs of shape \(1, 10\), not \(5, 10\)"),
        (ChangesTheModel(), "writing changed the model"),
        (Beside(), r"it left \['.model.part', 'labels.txt'\]"),
        (Appends(), "it was to write .model.part"),
        (BadSuffix(), r"suffixes is \('safetensors',\)"),
        (NothingToInstall(), "not what pip should install"),
        (FoldsWrongly(), "writing a model: NotImplementedError: folding"),
        (Forgets(), "reads .* back"),
    ],
)
def test_what_breaks_it_is_said(form: Format, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_export_format(form)
