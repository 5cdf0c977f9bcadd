"""One net whose weights all models of a space share, to rank them without training each.

Each convolution has the plain weights, a basis of filters whose first rows are the primaries of a LinearConv
layer of any alpha, and blueprints and mixing whose first terms and ranks are those of a separable layer. Of
channels the first ones stay, in the order in which the trained net needs them. Once-for-all nets (arXiv
1908.09791) share widths this way, with the sandwich rule of arXiv 1903.05134: each step trains the largest,
the smallest and two random models, all but the largest taught by the largest. Zeros of sparse coefficients
are not modelled.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.cut_out import first_images
from lcsearch.compress.thinned import Thinner
from lcsearch.core.spec import ModelSpec
from lcsearch.data import Batches, SearchData
from lcsearch.layers.linear_conv import LinearConv2d
from lcsearch.layers.separable_conv import SeparableConv2d
from lcsearch.nets.channels import ChannelGroups, thin
from lcsearch.nets.copying import copied
from lcsearch.nets.surgery import build_model

TERMS = 3
"""The most terms of a separable layer in the spaces that ship."""
BATCH, PASSES = 64, 4
"""Images of a step, and how many models see them."""
NORM_IMAGES = 256
_DECAY = 5e-4

Weight = Callable[[Mapping[str, Tensor], Mapping[int, Tensor]], Tensor]
"""Makes a layer's weight of the shared tensors and of the places that stay of its two dimensions."""


@dataclass(frozen=True)
class Model:
    """One model that shares the weights.

    Attributes:
        net: Its plain layers; what of its parameters is shared is put in their place at each call.
        weights: Makes each parameter.
    """

    net: nn.Module
    weights: Mapping[str, Callable[[], Tensor]]

    def parameters(self) -> dict[str, Tensor]:
        """Its parameters, made of the shared tensors."""
        return {name: made() for name, made in self.weights.items()}

    def __call__(self, images: Tensor) -> Tensor:
        """Logits (n, classes); gradients reach the shared tensors."""
        answer = functional_call(self.net, self.parameters(), (images,))
        assert isinstance(answer, Tensor)
        return answer


class SharedNet:
    """The weights that models share, as those of a trained net say them at first.

    Args:
        whole: The net, of plain layers.
        layers: Names of the convolutions that may be of another family.
        groups: Its groups of channels.
        images: (n, c, h, w) normalised images that tell which channels it needs.

    Attributes:
        tensors: What is trained.
    """

    def __init__(
        self, whole: nn.Module, layers: Sequence[str], groups: ChannelGroups, images: Tensor
    ) -> None:
        self._whole, self._groups = copied(whole), groups
        self._thinner = Thinner(self._whole, groups, images)
        self.tensors = {name: own.detach().clone() for name, own in whole.named_parameters()}
        for name in layers:
            self.tensors |= _factors(name, self.tensors[f"{name}.weight"])
        for own in self.tensors.values():
            own.requires_grad_(True)

    def model(self, spec: ModelSpec) -> Model:
        """The model of a spec: its plain net, and how its weights are made."""
        net, left = self._thinned(spec)
        with torch.device("meta"):
            layers = dict(build_model(spec).named_modules())
        weights: dict[str, Callable[[], Tensor]] = {}
        for name, own in net.named_parameters():
            owner, _, last = name.rpartition(".")
            places = {dim: left[name, dim] for dim in range(own.dim()) if (name, dim) in left}
            layer = layers[owner]
            if last == "weight" and isinstance(layer, LinearConv2d):
                primaries = len(layer.primary)
                weights[name] = partial(self._linear, owner, primaries, layer.rank or primaries, places)
            elif last == "weight" and isinstance(layer, SeparableConv2d):
                weights[name] = partial(self._separable, owner, layer.terms, layer.rank, places)
            else:
                weights[name] = partial(_selected, self.tensors[name], places)
        return Model(net.train(), weights)

    def ready(self, spec: ModelSpec, data: SearchData) -> nn.Module:
        """A model as a net of plain layers with statistics of its own, in evaluation mode."""
        model = self.model(spec)
        with torch.no_grad():
            for name, own in model.parameters().items():
                model.net.get_parameter(name).copy_(own)
        reestimate(model.net, first_images(data, NORM_IMAGES))
        return model.net.eval()

    def _thinned(self, spec: ModelSpec) -> tuple[nn.Module, dict[tuple[str, int], Tensor]]:
        """A net with the channels of a spec, and the places that stay of each tensor that lost some."""
        groups = self._groups
        stay = {
            name: self._thinner.chosen(name, count)
            for name, count in groups.kept(spec.channels).items()
            if count < groups[name].size
        }
        there: dict[tuple[str, int], Tensor] = {}
        for name, own in self._whole.named_parameters():
            for dim, size in enumerate(own.shape):
                there[name, dim] = torch.ones(size, dtype=torch.bool)
        for name, kept in stay.items():
            gone = torch.ones(groups[name].size, dtype=torch.bool)
            gone[kept] = False
            for cut in groups[name].cuts:
                if (cut.tensor, cut.dim) in there:
                    places = cut.places(len(gone), gone.nonzero()[:, 0].numpy())
                    there[cut.tensor, cut.dim][places.ravel()] = False
        left = {key: own.nonzero()[:, 0] for key, own in there.items() if not bool(own.all())}
        return thin(copied(self._whole), groups, stay), left

    def _linear(self, name: str, primaries: int, rank: int, left: Mapping[int, Tensor]) -> Tensor:
        """The first filters are free within the first rows of the basis, the others have a lower rank."""
        whole = self.tensors[f"{name}.weight"]
        mixing = _selected(self.tensors[f"{name}/mixing"], {0: left[0]} if 0 in left else {})
        rows = self.tensors[f"{name}/basis"][:primaries].unflatten(1, whole.shape[1:])
        rows = _selected(rows, {1: left[1]} if 1 in left else {}).flatten(1)
        primary, rest = mixing[:primaries, :primaries], mixing[primaries:, :rank]
        filters = torch.cat([primary @ rows, rest @ rows[:rank]])
        return filters.view(len(filters), -1, *whole.shape[2:])

    def _separable(self, name: str, terms: int, rank: int | None, left: Mapping[int, Tensor]) -> Tensor:
        """The first terms of each filter, their mixing of the first rank."""
        outs, ins = ({0: left[dim]} if dim in left else {} for dim in (0, 1))
        blueprints = _selected(self.tensors[f"{name}/blueprints"], outs)[:, :terms]
        columns = _selected(self.tensors[f"{name}/columns"], outs)[:, :terms, :rank]
        rows = _selected(self.tensors[f"{name}/rows"].T, ins)[:, :rank]
        mixing = columns @ rows.T
        filters = torch.einsum("oti,otk->oik", mixing, blueprints)
        return filters.view(*filters.shape[:2], *self.tensors[f"{name}.weight"].shape[2:])


def _selected(whole: Tensor, left: Mapping[int, Tensor]) -> Tensor:
    for dim, places in left.items():
        whole = whole.index_select(dim, places)
    return whole


def _factors(name: str, weight: Tensor) -> dict[str, Tensor]:
    """What a convolution's weight is made of, the most important first: by singular values."""
    u, s, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    found = {f"{name}/mixing": u * s.sqrt(), f"{name}/basis": s.sqrt()[:, None] * v}
    if weight[0, 0].numel() == 1:
        return found
    u, s, v = torch.linalg.svd(weight.flatten(2), full_matrices=False)  # of each filter: (in, k)
    terms = min(TERMS, s.shape[1])
    mixing = (u * s[:, None].sqrt())[..., :terms].transpose(1, 2)
    found[f"{name}/blueprints"] = (s[..., None].sqrt() * v)[:, :terms]
    u, s, v = torch.linalg.svd(mixing.flatten(0, 1), full_matrices=False)
    found[f"{name}/columns"] = (u * s.sqrt()).unflatten(0, (-1, terms))
    found[f"{name}/rows"] = s.sqrt()[:, None] * v
    return found


@dataclass(frozen=True)
class Teaching:
    """How the shared weights are trained.

    Attributes:
        epochs: Passes over the images.
        rate: The highest learning rate.
        seed: Of the images' order, and of which models are drawn.
    """

    epochs: float
    rate: float
    seed: int


def teach(
    shared: SharedNet, ends: Sequence[Model], others: Sequence[Model], data: SearchData, how: Teaching
) -> int:
    """Train the shared weights, and return how many images went through a net.

    Args:
        shared: The weights.
        ends: The largest and the smallest model.
        others: Of which two are drawn for each step.
        data: Its training images.
        how: For how long.
    """
    batches = Batches(data.train, data.info, BATCH, augment=True)
    steps = max(1, round(how.epochs * len(batches)))
    tensors = list(shared.tensors.values())
    optimizer = torch.optim.SGD(tensors, how.rate, momentum=0.9, weight_decay=_DECAY, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, total_steps=steps + 1)
    drawn, order, done = random.Random(how.seed), torch.Generator().manual_seed(how.seed), 0
    while done < steps:
        for images, labels in batches.epoch(order):
            if done == steps:
                break
            optimizer.zero_grad()
            answer = ends[0](images)
            F.cross_entropy(answer, labels).backward()  # type: ignore[no-untyped-call]
            taught = answer.detach().softmax(1)
            for model in (*ends[1:], *drawn.sample(list(others), PASSES - len(ends))):
                F.cross_entropy(model(images), taught).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(tensors, 5.0)
            optimizer.step()
            schedule.step()
            done += 1
    return steps * BATCH * PASSES
