"""The contract of an export format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from lcsearch.core.config import Source, config_text
from lcsearch.core.spec import TrialSpec
from lcsearch.data import DatasetInfo
from lcsearch.export.formats import ConfigFormat, Format, ModelFormat
from lcsearch.export.source import About
from lcsearch.nets.surgery import build_model
from lcsearch.testing._expect import doing, expect
from lcsearch.testing._samples import CLASSES, IMAGE_SHAPE, specs

_MODELS = 3
_TOLERANCE = 1e-4
"""Of the largest output, as `lcsearch export` allows."""


def check_export_format(form: Format) -> None:
    """Check that a file computes what the model computes (or says what the spec says), and nothing changes.

    Args:
        form: What its file calls ``FORMAT``, or its entry point names.

    Raises:
        AssertionError: It breaks the contract of `lcsearch.export.formats.Format`.
        InputError: A package that it needs is missing.
    """
    _check_facts(form)
    form.require()
    with TemporaryDirectory(prefix="lcsearch-testing-") as folder:
        for number, spec in enumerate(specs(_MODELS)):
            place = Path(folder) / str(number)
            place.mkdir()
            if isinstance(form, ConfigFormat):
                _check_config(form, spec, place)
            elif isinstance(form, ModelFormat):
                for fold in (False, True) if form.folds_batch_norm else (False,):
                    _check_model(form, spec, fold, place)
            else:
                raise AssertionError(f"{type(form).__name__} is neither a ModelFormat nor a ConfigFormat")


def _check_facts(form: Format) -> None:
    ends = form.suffixes
    good = isinstance(ends, tuple) and bool(ends) and all(_is_suffix(end) for end in ends)
    expect(good, f"suffixes is {ends!r}; expected a tuple of lower-case ends of names such as ('.pt2',)")
    expect(
        not form.packages or bool(form.install),
        "it names packages that it needs, but not what pip should install where one is missing",
    )


def _is_suffix(end: object) -> bool:
    return isinstance(end, str) and end == end.lower() and len(end) > 1 and Path(f"model{end}").suffix == end


def _check_config(form: ConfigFormat, spec: TrialSpec, place: Path) -> None:
    path = place / ".config.part"
    path.write_text("the old one")
    with doing("writing a config"):
        form.write(spec, Source("runs/sample", 3, 91.5, 1000, 10_000, "the knee"), path)
    _check_one_file(place, path)
    with doing("reading the config back"):
        found = form.read(path)
    plain = _without_plain_layers
    expect(plain(found) == plain(spec), f"it was given {plain(spec)}, and reads {plain(found)} back")


def _without_plain_layers(spec: TrialSpec) -> dict[str, object]:
    found = spec.to_plain()
    layers = {name: layer for name, layer in found["layers"].items() if layer["family"] != "conv"}
    return {**found, "layers": layers}


def _check_model(form: ModelFormat, spec: TrialSpec, fold: bool, place: Path) -> None:
    torch.manual_seed(0)
    model = _lively(build_model(spec.model))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    info = DatasetInfo("digits", CLASSES, IMAGE_SHAPE[0], IMAGE_SHAPE[1], (0.3,), (0.3,), False, 2)
    path = place / ".model.part"
    path.write_text("the old one")
    with doing("writing a model"), torch.no_grad():
        form.write(model, About(config_text(spec), info, fold), path)
    _check_one_file(place, path)
    after = model.state_dict()
    same = list(before) == list(after) and all(torch.equal(before[name], after[name]) for name in before)
    expect(same and not model.training, "writing changed the model that it was given")
    with doing("reading the file"):
        compute = form.read(path)
    for images in (torch.randn(1, *IMAGE_SHAPE), torch.randn(5, *IMAGE_SHAPE)):
        _check_outputs(model, compute, images, fold)


def _check_outputs(model: nn.Module, compute: Callable[[Tensor], Tensor], images: Tensor, fold: bool) -> None:
    with torch.no_grad(), doing(f"running what was read on {len(images)} images"):
        ours, theirs = model(images), compute(images)
    expect(
        tuple(theirs.shape) == tuple(ours.shape),
        f"{len(images)} images give outputs of shape {tuple(theirs.shape)}, not {tuple(ours.shape)}",
    )
    difference = float((ours - theirs).abs().max() / ours.abs().max())
    how = " with batch norm folded" if fold else ""
    expect(
        difference <= _TOLERANCE,
        f"what was read{how} computes something else: outputs differ by {difference:.1e} of the largest",
    )


def _check_one_file(place: Path, path: Path) -> None:
    found = sorted(file.name for file in place.iterdir())
    expect(found == [path.name], f"it was to write {path.name}, over what was there; it left {found}")
    expect(path.read_bytes() != b"the old one", f"it did not write {path.name}")


def _lively(model: nn.Module) -> nn.Module:
    """The model in evaluation mode, with batch norms as training leaves them."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_()
                module.running_mean.normal_(std=0.3)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    return model.eval().requires_grad_(False)
