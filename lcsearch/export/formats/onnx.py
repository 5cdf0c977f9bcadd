"""The same standard layers as ONNX."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError
from lcsearch.export.graph import standard_program
from lcsearch.export.source import About

HOLDS_WEIGHTS = True
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def require() -> None:
    """Check that the packages of the extra ``onnx`` are installed.

    Raises:
        InputError: One is missing.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"--format onnx: needs {', '.join(missing)}, not installed here; pip install 'lcsearch[onnx]'"
        )


def write(model: nn.Module, about: About, path: Path) -> None:
    """Write a graph for batches of any size, from ``images`` to ``logits``; the exporter folds batch norm."""
    program = standard_program(model, about)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            program, input_names=["images"], output_names=["logits"], dynamo=True, verbose=False
        )
    assert made is not None
    made.model.metadata_props.update({"lcsearch.config": about.config, "lcsearch.input": about.input_json()})
    made.save(path, external_data=False)


def read(path: Path) -> Callable[[Tensor], Tensor]:
    """Return what onnxruntime makes of a file, on one CPU thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {name: images.contiguous().numpy()})[0])

    return run
