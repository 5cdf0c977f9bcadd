"""Writes a chosen trial in one format, checks the file, and only then gives it its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from lcsearch.core.config import Source, config_text
from lcsearch.core.errors import InputError
from lcsearch.core.files import replacing
from lcsearch.core.records import RunRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.export.check import Agreement, ExportError, compare
from lcsearch.export.formats import ConfigFormat, Format, ModelFormat
from lcsearch.export.latency import Latency, measure
from lcsearch.export.source import About, load_data
from lcsearch.nets.surgery import build_model
from lcsearch.nets.tensors import trained_model


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: The file.
        size: Its bytes.
        backbone_size: Bytes of the plain backbone in the same format.
        agreement: How it compares with the trained model; None for a config.
        latency: Median seconds of the file and of the plain backbone in the same format; None for a config.
        about: How images must be prepared; None for a config.
        random: Whether it was compared on noise.
        note: What is to be said of the images that it was compared on; empty where they are the run's.
    """

    path: Path
    size: int
    backbone_size: int
    agreement: Agreement | None = None
    latency: Latency | None = None
    about: About | None = None
    random: bool = False
    note: str = ""


def export(
    run: RunRecord,
    spec: TrialSpec,
    weights: Path | None,
    source: Source,
    form: Format,
    path: Path,
    *,
    fold_batch_norm: bool = False,
) -> Exported:
    """Write one model.

    Args:
        run: The run that it comes from: its data set is what the file is checked on.
        spec: The model and how it was trained.
        weights: Its trained weights; a config needs none.
        source: Where the model comes from, for the config inside the file.
        form: The format.
        path: The file to write; a file that is there is replaced.
        fold_batch_norm: Fold batch norm into the convolutions before it.

    Raises:
        InputError: A package is missing, the place is not writable, or the weights or images are not there.
        ExportError: What was written computes something else; it was removed.
    """
    form.require()
    if path.is_dir():
        suggestion = path / f"model{form.suffixes[0]}"
        raise InputError(f"{path} is a folder; give a file, such as {suggestion}", setting="output")
    with replacing(path, setting="output") as part:
        if isinstance(form, ConfigFormat):
            return _config(form, spec, source, part, path)
        assert isinstance(form, ModelFormat) and weights is not None
        images = load_data(run)
        data = images.data
        about = About(config_text(spec, source), data.info, fold_batch_norm)
        trained = trained_model(spec.model, weights)
        agree = partial(compare, split=data.validation, info=data.info, metric=run.metric)
        done = _model(form, trained, spec.model, about, agree, part, path)
        return replace(done, random=images.random, note=images.note)


def _config(form: ConfigFormat, spec: TrialSpec, source: Source, part: Path, path: Path) -> Exported:
    form.write(spec, source, part)
    if _without_plain(form.read(part)).fingerprint() != _without_plain(spec).fingerprint():
        raise ExportError("the config does not read back as the trial's spec")
    with TemporaryDirectory(prefix="lcsearch-export-") as folder:
        beside = Path(folder) / "backbone"
        form.write(TrialSpec(_plain(spec.model), spec.regularizer, spec.recipe), Source(), beside)
        return Exported(path, part.stat().st_size, beside.stat().st_size)


def _model(
    form: ModelFormat,
    trained: nn.Module,
    spec: ModelSpec,
    about: About,
    agree: Callable[[nn.Module, Callable[[Tensor], Tensor]], Agreement],
    part: Path,
    path: Path,
) -> Exported:
    file = _written(form, trained, about, part)
    agreement = agree(trained, file)
    backbone = build_model(_plain(spec)).eval().requires_grad_(False)
    plain = replace(about, config=config_text(TrialSpec(_plain(spec))))
    with TemporaryDirectory(prefix="lcsearch-export-") as folder:
        beside = Path(folder) / "backbone"
        latency = measure([file, _written(form, backbone, plain, beside)], about.image_shape)
        return Exported(path, part.stat().st_size, beside.stat().st_size, agreement, latency, about)


def _written(form: ModelFormat, model: nn.Module, about: About, path: Path) -> Callable[[Tensor], Tensor]:
    """Write a model and return what its file computes."""
    with torch.no_grad():
        form.write(model, about, path)
    return form.read(path)


def _plain(spec: ModelSpec) -> ModelSpec:
    return ModelSpec(spec.backbone, spec.num_classes, spec.in_channels)


def _without_plain(spec: TrialSpec) -> TrialSpec:
    """The spec with plain layers left out, as a config leaves them out."""
    m = spec.model
    layers = {name: layer for name, layer in m.layers.items() if layer.family != "conv"}
    return replace(spec, model=replace(m, layers=layers))
