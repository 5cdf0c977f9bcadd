"""Writes a chosen trial in one format, checks the file, and only then gives it its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from lcsearch.core.config import Source, config_text, read_config
from lcsearch.core.errors import InputError
from lcsearch.core.files import replacing
from lcsearch.core.records import RunRecord
from lcsearch.core.spec import ModelSpec, TrialSpec
from lcsearch.export.check import Agreement, ExportError, compare
from lcsearch.export.formats import SUFFIXES, find
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
    """

    path: Path
    size: int
    backbone_size: int
    agreement: Agreement | None = None
    latency: Latency | None = None
    about: About | None = None


def export(
    run: RunRecord,
    spec: TrialSpec,
    weights: Path | None,
    source: Source,
    kind: str,
    path: Path,
    *,
    fold_batch_norm: bool = False,
) -> Exported:
    """Write one model.

    Args:
        run: The run that it comes from: its data set is what the file is checked on.
        spec: The model and how it was trained.
        weights: Its trained weights; None for a config.
        source: Where the model comes from, for the config inside the file.
        kind: The format.
        path: The file to write; a file that is there is replaced.
        fold_batch_norm: Fold batch norm into the convolutions before it.

    Raises:
        InputError: A package is missing, the place is not writable, or the weights or images are not there.
        ExportError: What was written computes something else; it was removed.
    """
    find(kind).require()
    config = config_text(spec, source)
    if path.is_dir():
        suggestion = path / f"model{SUFFIXES[kind]}"
        raise InputError(f"--output: {path} is a folder; give a file, such as {suggestion}")
    with replacing(path, name=f"--output: {path}") as part:
        if weights is None:
            done = _config(spec, config, part, path)
        else:
            done = _model(run, spec.model, weights, config, kind, part, path, fold_batch_norm)
    return done


def _config(spec: TrialSpec, config: str, part: Path, path: Path) -> Exported:
    part.write_text(config, encoding="utf-8")
    if read_config(part).spec.fingerprint() != _without_plain(spec).fingerprint():
        raise ExportError("the config does not read back as the trial's spec")
    plain = config_text(TrialSpec(_plain(spec.model), spec.regularizer, spec.recipe))
    return Exported(path, part.stat().st_size, len(plain.encode()))


def _model(
    run: RunRecord, spec: ModelSpec, weights: Path, config: str, kind: str, part: Path, path: Path, fold: bool
) -> Exported:
    trained = trained_model(spec, weights)
    data = load_data(run)
    about = About(config, data.info, fold)
    with TemporaryDirectory(prefix="lcsearch-export-") as folder:
        file = _write(kind, trained, about, part)
        agreement = compare(trained, file, data.validation, data.info)
        beside = Path(folder) / "backbone"
        backbone = build_model(_plain(spec)).eval().requires_grad_(False)
        plain = TrialSpec(_plain(spec))
        other = _write(kind, backbone, About(config_text(plain), data.info, fold), beside)
        latency = measure([file, other], about.image_shape)
        return Exported(path, part.stat().st_size, beside.stat().st_size, agreement, latency, about)


def _write(kind: str, model: nn.Module, about: About, path: Path) -> Callable[[Tensor], Tensor]:
    """Write a model and return what its file computes."""
    form = find(kind)
    with torch.no_grad():
        form.write(model, about, path)
    return form.read(path)


def _plain(spec: ModelSpec) -> ModelSpec:
    return ModelSpec(spec.backbone, spec.num_classes, spec.in_channels)


def _without_plain(spec: TrialSpec) -> TrialSpec:
    """The spec with plain layers left out, as a config leaves them out."""
    m = spec.model
    layers = {name: layer for name, layer in m.layers.items() if layer.family != "conv"}
    model = ModelSpec(m.backbone, m.num_classes, m.in_channels, m.width, layers)
    return TrialSpec(model, spec.regularizer, spec.recipe)
