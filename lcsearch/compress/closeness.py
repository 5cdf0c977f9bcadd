"""What a compressed layer shall come close to, and in what measure: that of real images' responses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.responses import Response
from lcsearch.layers.closeness import Closeness, Target

_PRIOR = 1e-3
_RIDGE = 0.1
_CONSTANT = 1e-12
"""Share of the mean square of responses below which their variance is float32's rounding alone."""


def closeness_of(
    conv: nn.Conv2d, target: Response, x: Tensor | None, plain: Tensor | None = None
) -> tuple[Tensor, Closeness]:
    """Return the filters that a compressed layer shall be close to, and the measure of closeness.

    Args:
        conv: The trained convolution.
        target: What it answers in the trained model.
        x: Its input, (n, c, h, w), where only its predecessors may have changed; may be None without groups.
        plain: Its answer to x; None where that is the target.

    Returns:
        Filters (out, in / groups, kh, kw), float64, on the CPU; NaN in the measure where a response has it.
        Where the answers say nothing, as they do behind a ReLU that is never active, the convolution's own
        filters, compared number by number.
    """
    filters = conv.weight.double().cpu()
    centred = conv.bias is not None or target.normalised
    answers = [target.samples, *([] if plain is None else [responses.sample(plain, target.places)])]
    if any(_say_nothing(samples, centred) for samples in answers):
        return Target.of(conv)
    if conv.groups == 1:
        wanted = _centred(target.samples, centred)
        gram = wanted.T @ wanted / len(wanted)
        if plain is not None:
            change, gram = _correction(_centred(responses.sample(plain, target.places), centred), wanted)
            filters = (change @ filters.flatten(1)).view_as(filters)
            gram = change @ gram @ change.T
    else:
        assert x is not None
        flat = filters.flatten(1)
        gram = flat @ patch_covariance(conv, x, centred) @ flat.T
    gram = gram + _PRIOR * _scaled(filters, gram)
    if not bool(gram.isfinite().all()):
        return filters, Closeness(gram.diagonal() * float("nan"), gram, target.weight)
    return filters, Closeness.of(gram, target.weight)


def _centred(samples: Tensor, centred: bool) -> Tensor:
    samples = samples.double().cpu()
    return samples - samples.mean(0) if centred else samples


def _say_nothing(samples: Tensor, centred: bool) -> bool:
    """Whether responses (n, out) are the same at every place, apart from rounding, or zero."""
    varied = _centred(samples, centred).square().mean()
    return bool(varied <= _CONSTANT * samples.double().square().mean().cpu())


def _correction(given: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix K (out, out) that makes ``given K^T`` closest to ``wanted``, and the Gram of given.

    Ridge regression around the identity: with few samples K changes nothing.

    Args:
        given: (n, out) responses of the trained filters to what the compressed predecessors give.
        wanted: (n, out) responses of the trained model.
    """
    count, out = given.shape
    gram = given.T @ given / count
    error = wanted.T @ given / count - gram
    ridge = _RIDGE * gram.diagonal().mean() * (1 + out / count) + torch.finfo(gram.dtype).tiny
    system = gram + ridge * torch.eye(out, dtype=gram.dtype)
    change = torch.eye(out, dtype=gram.dtype) + torch.linalg.solve(system, error, left=False)
    return change, gram


def _scaled(filters: Tensor, gram: Tensor) -> Tensor:
    """The Gram matrix of the filters as numbers, as large as another one; decides where samples do not."""
    flat = filters.flatten(1)
    own = flat @ flat.T
    size = own.diagonal().mean()
    return own * (gram.diagonal().mean() / size) if size > 0 else own


def patch_covariance(conv: nn.Conv2d, x: Tensor, centred: bool) -> Tensor:
    """Return the covariance (f, f) of the patches that filters of f numbers see, averaged over the groups."""
    kh, kw = conv.kernel_size
    size = conv.in_channels // conv.groups * kh * kw
    pick = torch.eye(size, dtype=x.dtype, device=x.device).view(size, -1, kh, kw).repeat(conv.groups, 1, 1, 1)
    total = torch.zeros(size, size, dtype=torch.float64)
    images = x[: max(1, len(x) // 8)]
    seen = conv._conv_forward(images, pick, None)
    places = responses.draw_places(seen.shape, seen.device)
    patches = responses.sample(seen, places).view(-1, conv.groups, size)
    for group in patches.unbind(1):
        group = _centred(group, centred)
        total += group.T @ group / (len(group) * conv.groups)
    return total
