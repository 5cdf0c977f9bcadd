"""The mixing of layers that were fitted together, fitted again to what they get in the compressed model."""

from __future__ import annotations

import torch
from torch import Tensor

from lcsearch.compress import responses
from lcsearch.compress.responses import Response
from lcsearch.layers.layer import FamilyLayer

_RIDGE = 1e-2
"""Share of the mean square of what is mixed, times maps over samples: where these are few it holds back."""


class Refit:
    """A layer whose mixing is fitted when it is first called.

    Args:
        layer: As it was fitted together with others.
        target: What the trained convolution answers.
        centred: Whether the mean of what it answers does not matter.
    """

    def __init__(self, layer: FamilyLayer, target: Response, centred: bool) -> None:
        self.layer, self.target, self.centred = layer, target, centred
        self.fitted = self._shifted = False

    @torch.no_grad()
    def before(self, x: Tensor) -> None:
        """Fit the mixing to an input (n, c, h, w): what it makes shall be what the convolution answered."""
        self.fitted = True
        found = self.layer.mixture(x)
        if found is None or found[0].shape[2:] != self.target.shape[2:]:
            return
        maps, matrix = found
        given = responses.sample(maps, self.target.places).double().cpu()
        wanted = self.target.samples.double().cpu()
        if self.centred:
            given, wanted = given - given.mean(0), wanted - wanted.mean(0)
        change = correction(matrix.double().cpu(), given, wanted)
        if bool(change.isfinite().all()):
            matrix.add_(change.to(matrix))

    def after(self, output: Tensor) -> Tensor | None:
        """Give the bias what the mean of the first output lacks; returns the output with it."""
        bias = getattr(self.layer, "bias", None)
        if bias is None or self._shifted or output.shape != self.target.shape:
            return None
        self._shifted = True
        return shifted(bias, output, self.target)


def shifted(bias: Tensor, output: Tensor, target: Response) -> Tensor:
    """Give a bias (out,) what the mean of an output (n, out, h, w) lacks; returns the output with it."""
    shift = target.mean - output.mean((0, 2, 3))
    bias.add_(shift)
    return output + shift.view(-1, 1, 1)


def correction(mixing: Tensor, given: Tensor, wanted: Tensor) -> Tensor:
    """Return what a mixing lacks, by ridge regression.

    Args:
        mixing: (out, m).
        given: (n, m) what it mixes.
        wanted: (n, out) what it shall make of that.
    """
    count, size = given.shape
    gram = given.T @ given / count
    ridge = _RIDGE * gram.diagonal().mean() * size / count + torch.finfo(gram.dtype).tiny
    system = gram + ridge * torch.eye(size, dtype=gram.dtype)
    error = (wanted - given @ mixing.T).T @ given / count
    solved: Tensor = torch.linalg.solve(system, error, left=False)
    return solved
