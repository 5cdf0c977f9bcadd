"""The same standard layers as ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from lcsearch.export.formats import ModelFormat
from lcsearch.export.graph import standard_program
from lcsearch.export.source import About


class Onnx(ModelFormat):
    """A graph for batches of any size, from ``images`` to ``logits``; the exporter folds batch norm."""

    suffixes = (".onnx",)
    packages = ("onnx", "onnxscript", "onnxruntime")
    install = "lcsearch[onnx]"
    folds_batch_norm = True

    def write(self, model: nn.Module, about: About, path: Path) -> None:
        """Write the graph."""
        program = standard_program(model, about)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = torch.onnx.export(
                program, input_names=["images"], output_names=["logits"], dynamo=True, verbose=False
            )
        assert made is not None
        beside = {"lcsearch.config": about.config, "lcsearch.input": about.input_json()}
        made.model.metadata_props.update(beside)
        made.save(path, external_data=False)

    def read(self, path: Path) -> Callable[[Tensor], Tensor]:
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


FORMAT = Onnx()
