"""A compressed model cut out of a trained one, without any training.

Two measures of closeness. ``filters``: a layer's filters shall be close, number by number. ``responses``:
what the layer makes of real images shall be close to what the trained convolution makes of them, channels
counting as much as the model's answer depends on them. For the latter the layers are done in the order in
which they are executed, and each gets what its compressed predecessors give it, so it also makes up for
their errors: the target stays the trained model's response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.batch_norm import restless
from lcsearch.compress.closeness import closeness_of
from lcsearch.compress.refit import Refit, shifted
from lcsearch.compress.responses import Response
from lcsearch.core.errors import InputError
from lcsearch.core.spec import LayerSpec
from lcsearch.layers import lookup
from lcsearch.layers.closeness import Target
from lcsearch.layers.family import Family
from lcsearch.layers.layer import FamilyLayer
from lcsearch.layers.models import family_layers
from lcsearch.nets import surgery
from lcsearch.nets.copying import copied

How = Literal["responses", "filters"]
DEFAULT_HOW: How = "responses"
"""The better one, as measured (docs/trained.md)."""
Bundle = tuple[Family[Any], Mapping[str, LayerSpec]]
"""A family, and layers of it that are fitted together."""
Solve = Callable[[nn.Module, Tensor], bool]
"""Solves a plain layer for an input, and says whether it could."""
FIT_IMAGES = 256
"""Training images that layers are fitted to."""


@torch.no_grad()
def compress_trained(
    backbone: nn.Module,
    layers: Mapping[str, LayerSpec],
    images: Tensor | None = None,
    *,
    how: How = DEFAULT_HOW,
    answers: Mapping[str, Response] | None = None,
    solves: Mapping[str, Solve] = MappingProxyType({}),
) -> nn.Module:
    """Return a compressed copy of a trained model; its structure is that of ``surgery.convert``.

    With ``responses``, batch norm layers behind the first changed layer get the statistics of the images, and
    a layer's bias takes up the mean of what the fit leaves. A layer that is called several times is fitted
    to its first call, as are layers for convolutions of one weight; one that is not called, or whose output
    is no batch of feature maps, to its filters. Layers that share tensors are fitted together, to what the
    convolutions answer. A grouped layer is fitted to filters in the metric of its patches' mean covariance.

    Args:
        backbone: Any module with finite weights; it is left as it is, but for what is solved.
        layers: Module name to what becomes of it, as for ``surgery.convert``.
        images: (n, c, h, w) float32, normalised, on the model's device; not needed for ``filters``. As many
            of the first ones are used as may go through the model at once (``responses.MOST_PIXELS``).
        how: What shall be close.
        answers: What ``responses.record`` says of these images, where it is known.
        solves: What solves layers anew for what they get, by name; those that change, before they are fitted.

    Returns:
        The copy, in the backbone's mode.

    Raises:
        InputError: A name is no convolution, a spec does not fit it, or its weights are not finite.
        ValueError: ``responses`` without images.
    """
    if how == "responses" and (images is None or len(images) < 2):
        raise ValueError("how='responses' needs at least two images")
    layers = surgery.once(backbone, layers)
    model = _converted(backbone, layers)
    pairs = _pairs(backbone, model)
    bundles = lookup.bundles({name: spec for name, spec in layers.items() if name in pairs})
    done = set[str]()
    if how == "responses" and pairs and images is not None:
        chosen = responses.at_once(images)
        targets = answers or responses.record(backbone, {n: c for n, (c, _) in pairs.items()}, chosen)
        done = _fit_to_responses(model, bundles, pairs, targets, chosen, solves)
    _fit_together([one for one in bundles if not done.issuperset(one[1])], pairs, {})
    return model


def _fit_to_responses(
    model: nn.Module,
    bundles: Sequence[Bundle],
    pairs: Mapping[str, tuple[nn.Conv2d, FamilyLayer]],
    targets: Mapping[str, Response],
    images: Tensor,
    solves: Mapping[str, Solve],
) -> set[str]:
    """Fit what can be fitted to what convolutions answer, and return the names of it."""
    together = [one for one in bundles if len(one[1]) > 1]
    _fit_together(together, pairs, targets)
    done = {name for _, own in together for name in own}
    fits = _fits(pairs, targets, [name for _, own in bundles for name in own if name not in done], solves)
    plain = [_Solved(model.get_submodule(name), own) for name, own in solves.items() if name not in pairs]
    _run(model, [*fits, *plain, *_refits(pairs, targets, done)], images)
    return done | {fit.tie.name for fit in fits if fit.fitted}


def _fit_together(
    bundles: Sequence[Bundle],
    pairs: Mapping[str, tuple[nn.Conv2d, FamilyLayer]],
    targets: Mapping[str, Response],
) -> None:
    """Fit layers bundle by bundle, to what the trained convolutions answer or, if alone, to their filters."""
    for family, own in bundles:
        wanted = {name: _target(pairs[name][0], targets.get(name), len(own) > 1) for name in own}
        family.fit_bundle({name: pairs[name][1] for name in own}, wanted)


def _target(conv: nn.Conv2d, response: Response | None, shared: bool) -> Target:
    """What a layer that is not fitted while the model runs comes close to: its filters, if it is alone."""
    if shared and response is not None and conv.groups == 1:
        found = Target(*closeness_of(conv, response, None))
        if bool(found.closeness.values.isfinite().all()):
            return found
    return Target.of(conv)


def _converted(backbone: nn.Module, layers: Mapping[str, LayerSpec]) -> nn.Module:
    """A copy with fresh layers, all else as it was; the random numbers that they draw are put back."""
    devices = {p.device for p in backbone.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(sorted(device.index for device in devices)):
        return surgery.convert(copied(backbone), layers)


def _pairs(backbone: nn.Module, model: nn.Module) -> dict[str, tuple[nn.Conv2d, FamilyLayer]]:
    """Each new layer with the convolution that it stands for, and its bias taken over.

    Raises:
        InputError: A convolution's weights are not finite.
    """
    pairs: dict[str, tuple[nn.Conv2d, FamilyLayer]] = {}
    for name, layer in family_layers(model).items():
        conv = backbone.get_submodule(name)
        if not isinstance(conv, nn.Conv2d) or isinstance(conv, FamilyLayer):
            continue
        if not all(bool(parameter.isfinite().all()) for parameter in conv.parameters()):
            raise InputError(f"layers.{name}: the trained weights hold NaN or infinity")
        layer.take_over(conv)
        pairs[name] = conv, layer
    return pairs


def _fits(
    pairs: Mapping[str, tuple[nn.Conv2d, FamilyLayer]],
    targets: Mapping[str, Response],
    alone: Sequence[str],
    solves: Mapping[str, Solve],
) -> list[_Fit]:
    """What is to be fitted when it is called: some layers, and those that have their tensors."""
    ties = {pairs[name][1]: _Tie(name) for name in alone}
    found = [(name, ties.get(layer.lead or layer)) for name, (_, layer) in pairs.items()]
    return [
        _Fit(*pairs[name], targets[name], tie, solves.get(name))
        for name, tie in found
        if tie and name in targets
    ]


def _refits(
    pairs: Mapping[str, tuple[nn.Conv2d, FamilyLayer]], targets: Mapping[str, Response], names: Iterable[str]
) -> list[Refit]:
    """What of layers that were fitted together is fitted once more when they are called."""
    found = [(*pairs[name], targets[name]) for name in names if name in targets]
    return [Refit(layer, target, conv.bias is not None or target.normalised) for conv, layer, target in found]


@dataclass(eq=False)
class _Solved:
    """A plain layer that is solved anew when it is first called."""

    layer: nn.Module
    solve: Solve
    fitted: bool = False

    def before(self, x: Tensor) -> None:
        """Solve it for an input."""
        self.fitted = self.solve(self.layer, x)

    def after(self, output: Tensor) -> None:
        """Its bias was solved for with it."""


@dataclass(eq=False)
class _Tie:
    """Layers with the same tensors, mostly one: they are fitted when the first of them is called.

    Attributes:
        name: Of the first of them.
        fitted: Whether they are.
        shifted: Biases that have taken up what the fit left.
    """

    name: str
    fitted: bool = False
    shifted: set[nn.Parameter] = field(default_factory=set)


@dataclass(eq=False)
class _Fit:
    """One layer to be fitted when it is first called."""

    conv: nn.Conv2d
    layer: FamilyLayer
    target: Response
    tie: _Tie
    solve: Solve | None = None

    @property
    def fitted(self) -> bool:
        """Whether it, or one with the same tensors, was reached."""
        return self.tie.fitted

    def before(self, x: Tensor) -> None:
        """Fit the filters to an input (n, c, h, w)."""
        if self.solve is not None:
            self.solve(self.conv, x)
        plain = self.conv(x)
        if plain.shape != self.target.shape:
            return
        found = closeness_of(self.conv, self.target, x, plain)
        if bool(found[1].values.isfinite().all()):
            lookup.family(self.layer.family).fit(self.layer, Target(*found))
            self.tie.fitted = True

    def after(self, output: Tensor) -> Tensor | None:
        """Give the bias what the mean of an output lacks; returns the output with it."""
        bias = getattr(self.layer, "bias", None)
        if bias is None or bias in self.tie.shifted or output.shape != self.target.shape:
            return None
        self.tie.shifted.add(bias)
        return shifted(bias, output, self.target)


def _run(model: nn.Module, fits: Sequence[_Fit | _Solved | Refit], images: Tensor) -> None:
    """Run the model once and fit each layer when it is reached; leaves no hook behind."""
    handles = []
    with responses.evaluation(model), restless(model) as wake:
        for fit in fits:
            handles.append(fit.layer.register_forward_pre_hook(_before(fit, wake)))
            handles.append(fit.layer.register_forward_hook(_after(fit)))
        try:
            model(images.clone())
        finally:
            for handle in handles:
                handle.remove()


def _before(fit: _Fit | _Solved | Refit, wake: Any) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not fit.fitted and inputs and isinstance(inputs[0], Tensor) and _fits_in(module, inputs[0]):
            fit.before(inputs[0])
            wake()

    return hook


def _fits_in(layer: nn.Module, x: Tensor) -> bool:
    """Whether a layer gets a batch."""
    return x.dim() == 4 or isinstance(layer, nn.Linear)


def _after(fit: _Fit | _Solved | Refit) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor | None:
        return fit.after(output) if fit.fitted else None

    return hook
