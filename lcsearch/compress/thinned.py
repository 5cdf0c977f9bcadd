"""A thinner net cut out of a trained one, without any training.

Which channels stay is chosen by what they do for the layers that read them, on real images; these layers are
then solved for what they are left with. That is done in the order in which they are executed, and each gets
what its thinned predecessors give it, so it also makes up for their errors: it shall answer what the trained
net's layer answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lcsearch.compress import responses
from lcsearch.compress.batch_norm import restless
from lcsearch.compress.channel_choice import by_need, need_of, solved
from lcsearch.compress.readers import Layer, Seen, inside, readers, rows, see
from lcsearch.core.errors import InputError
from lcsearch.nets.channels import ChannelGroups, Cut, thin
from lcsearch.nets.copying import copied

Thinned = Literal["solved", "magnitude", "magnitude_solved"]
DEFAULT_THINNED: Thinned = "solved"
"""The best one, as measured (docs/trained.md)."""
THIN_IMAGES = 512
"""Training images that channels are chosen by, and the layers that read them solved for: the most."""
_FEWEST_IMAGES = 256
_PIXELS = THIN_IMAGES * 32 * 32


def images_for(height: int, width: int) -> int:
    """How many training images of a size channels are chosen by: of large ones fewer, which take memory."""
    return min(THIN_IMAGES, max(_FEWEST_IMAGES, _PIXELS // (height * width)))


def thin_trained(
    model: nn.Module,
    groups: ChannelGroups,
    keep: Mapping[str, int],
    images: Tensor,
    *,
    how: Thinned = DEFAULT_THINNED,
) -> nn.Module:
    """Return a copy of a trained net with fewer channels; its structure is that of ``nets.channels.thin``.

    Batch norm layers behind the first layer that is solved get the statistics of the images.

    Args:
        model: Any net of plain layers with finite weights; it is left as it is.
        groups: Its groups of channels.
        keep: Name of a group to how many of its channels stay; a group that is not named stays whole.
        images: (n, c, h, w) float32, normalised, on the model's device, at least two. As many of the first
            ones are used as may go through the model at once (``responses.MOST_PIXELS``).
        how: ``solved`` chooses channels by what they do for the layers that read them, and solves these;
            ``magnitude`` keeps those with the largest weights, and solves nothing; ``magnitude_solved``
            chooses as the latter and solves as the former.

    Returns:
        The copy, in the model's mode.

    Raises:
        InputError: A group is unknown, or the weights are not finite.
        ValueError: More channels shall stay than there are, or none, or not equally many of each block.
    """
    return Thinner(model, groups, images).thin(keep, how=how)


@dataclass(frozen=True)
class Unsolved:
    """A net that has lost channels, and what its layers are to be solved by.

    Attributes:
        model: The net.
        solves: Name of a reader to what solves it for an input.
        left: Says of a layer which of its outputs it still has.
    """

    model: nn.Module
    solves: Mapping[str, Callable[[Any, Tensor], bool]]
    left: Callable[[str], Tensor]


class Thinner:
    """A trained net of which thinner ones are made: it is looked at once for all of them.

    Args:
        model: As for `thin_trained`; it must not change while this is used.
        groups: Its groups of channels.
        images: As for `thin_trained`.
        weighed: Those of them that tell how much channels matter.

    Raises:
        InputError: Its weights are not finite.
    """

    def __init__(
        self, model: nn.Module, groups: ChannelGroups, images: Tensor, weighed: int = responses.WEIGHED
    ) -> None:
        self._model, self._groups, self._weighed_images = model, groups, weighed
        self._images = responses.at_once(images)
        self._readers = readers(model, groups)
        self._orders: dict[tuple[str, bool], list[int]] = {}
        for name, parameter in model.named_parameters():
            if not bool(parameter.isfinite().all()):
                raise InputError(f"channels: the trained weights hold NaN or infinity: {name}")

    def chosen(self, name: str, count: int, *, how: Thinned = DEFAULT_THINNED) -> list[int]:
        """The channels of a group that stay, if so many do, rising; fewer are among more.

        Raises:
            InputError: The group is unknown.
            ValueError: It has fewer channels, or none shall stay.
        """
        size, blocks = self._groups[name].size, self._groups[name].blocks
        if not 1 <= count <= size:
            raise ValueError(f"keep[{name!r}]: {count} is not allowed; it must be in 1 to {size}")
        order = self._orders.get((name, how == "solved"), [])
        if len(order) < count:
            need = self._need(name) if how == "solved" else None
            order = by_need(torch.diag(self._size_of(name)) if need is None else need, count, blocks)
            self._orders[name, how == "solved"] = order
        return sorted(order[:count])

    @torch.no_grad()
    def thin(self, keep: Mapping[str, int], *, how: Thinned = DEFAULT_THINNED) -> nn.Module:
        """As `thin_trained`."""
        stay = self._stay(keep, how)
        model = thin(copied(self._model), self._groups, stay)
        if stay and how != "magnitude":
            _run(model, self._fits(stay), self._images)
        return model

    @torch.no_grad()
    def cut(self, keep: Mapping[str, int]) -> Unsolved:
        """The net with fewer channels, whose readers have their old weights still."""
        stay = self._stay(keep, DEFAULT_THINNED)
        model = thin(copied(self._model), self._groups, stay)
        solves = {name: fit.solve for name, fit in self._fits(stay).items()}
        return Unsolved(model, solves, lambda name: self._left(name, stay))

    def _stay(self, keep: Mapping[str, int], how: Thinned) -> dict[str, list[int]]:
        return {
            name: self.chosen(name, count, how=how)
            for name, count in keep.items()
            if count != self._groups[name].size
        }

    def _fits(self, stay: Mapping[str, Sequence[int]]) -> dict[str, _Fit]:
        """What is to be solved where channels go."""
        return {
            name: _Fit(seen, self._left(name, stay).to(seen.wanted.device))
            for name, seen in self._seen.items()
            if seen.calls == 1 and not stay.keys().isdisjoint(self._readers[name].inputs)
        }

    @cached_property
    def _seen(self) -> dict[str, Seen]:
        return see(self._model, self._readers, self._images)

    @cached_property
    def _squares(self) -> dict[str, Tensor]:
        layers = {name: reader.layer for name, reader in self._readers.items()}
        return responses.sensitivities(self._model, layers, self._images[: self._weighed_images])

    def _need(self, name: str) -> Tensor | None:
        """The need of all readers of a group; None where nothing is known of it."""
        needs = []
        for reader, places in inside(self._readers, name):
            if reader in self._seen:
                moments, mean = self._seen[reader].moments[name]
                matters = _matters(self._readers[reader].layer, places, self._weighed(reader))
                centred = _centred(self._readers[reader].layer, self._seen[reader])
                needs.append(need_of(moments, mean if centred else None, matters))
        need = torch.stack(needs).sum(0) if needs else torch.zeros(1, 1)
        return need if bool(need.isfinite().all()) and bool(need.diagonal().sum() > 0) else None

    def _weighed(self, reader: str) -> Tensor:
        """How much an error in each output of a reader matters, squared."""
        count = self._readers[reader].layer.weight.shape[0]
        own = self._squares.get(reader, torch.full((count,), 0.0 if self._squares else 1.0).double())
        return own.clamp_min(float(own.mean()) * responses.LEAST_WEIGHT**2)

    def _size_of(self, name: str) -> Tensor:
        """(size,) sums of squares of the weights that go with each channel of a group, float64."""
        group = self._groups[name]
        tensors = dict(self._model.named_parameters(remove_duplicate=False))
        total = torch.zeros(group.size, dtype=torch.float64)
        for cut in group.cuts:
            if cut.tensor in tensors and tensors[cut.tensor].dim() > 1:
                own = _by_channel(tensors[cut.tensor].detach(), cut, group.size)
                total += own.double().square().sum(1).cpu()
        return total

    def _left(self, layer: str, stay: Mapping[str, Sequence[int]]) -> Tensor:
        """Places of a layer's outputs that stay."""
        weight = self._model.get_submodule(layer).weight
        assert isinstance(weight, Tensor)
        left = torch.ones(len(weight), dtype=torch.bool)
        for name, own in stay.items():
            for cut in self._groups[name].cuts:
                if (cut.tensor, cut.dim) == (f"{layer}.weight", 0):
                    gone = torch.ones(self._groups[name].size, dtype=torch.bool)
                    gone[list(own)] = False
                    size = len(gone) * cut.repeat
                    left[cut.offset : cut.offset + size] &= ~gone.repeat_interleave(cut.repeat)
        return left.nonzero()[:, 0]


def _by_channel(tensor: Tensor, cut: Cut, size: int) -> Tensor:
    """(size, n) the numbers of a tensor that go with each channel of a group of some size."""
    if cut.blocks > 1:
        tensor = tensor.unflatten(0, (cut.blocks, -1)).transpose(1, 2).flatten(0, 1)
        return tensor.flatten(1)
    return tensor.movedim(cut.dim, 0).narrow(0, cut.offset, cut.length(size)).reshape(size, -1)


def _matters(layer: Layer, places: Tensor, squares: Tensor) -> Tensor:
    """(size,) how much an error in each channel matters, by the weights with which a layer reads it."""
    weight, parts = layer.weight.detach().double().cpu(), _parts(layer)
    own = weight.square().unflatten(0, (parts, -1)).flatten(2)
    each = (squares.view(parts, 1, -1) @ own).view(parts * weight.shape[1], -1).sum(1)
    found: Tensor = each[places].sum(1).sqrt()
    return found


def _parts(layer: Layer) -> int:
    """Groups of a layer's channels."""
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


def _centred(layer: Layer, seen: Seen) -> bool:
    """Whether something takes up the mean of what a layer answers."""
    return layer.bias is not None or seen.normalised


class _Fit:
    """A layer of the thinned net that is solved when it is called.

    Args:
        seen: What it read and answered in the trained net.
        left: Places of the outputs that it still has.
    """

    def __init__(self, seen: Seen, left: Tensor) -> None:
        self._seen, self._left = seen, left
        self.done = False

    def solve(self, layer: Any, given: Tensor) -> bool:
        """Solve a layer for what it is given, where that is what it was given before, channels apart."""
        x = responses.as_map(layer, given)
        old = self._seen.given
        if x is None or (len(x), *x.shape[2:]) != (old[0], *old[2:]):
            return False
        found = [
            solved(own, wanted, weight, centred=_centred(layer, self._seen))
            for own, wanted, weight in zip(
                rows(layer, x, self._seen.places).chunk(_parts(layer), 1),
                self._seen.wanted[:, self._left].chunk(_parts(layer), 1),
                layer.weight.flatten(1).chunk(_parts(layer)),
                strict=True,
            )
        ]
        weight, bias = (torch.cat(parts) for parts in zip(*found, strict=True))
        if bool(weight.isfinite().all()) and bool(bias.isfinite().all()):
            layer.weight.copy_(weight.view_as(layer.weight))
            if layer.bias is not None:
                layer.bias.copy_(bias)
            self.done = True
        return self.done


def _run(model: nn.Module, fits: Mapping[str, _Fit], images: Tensor) -> None:
    """Run a thinned net once and solve each layer when it is reached; leaves no hook behind."""
    with responses.evaluation(model), restless(model) as wake:

        def before(layer: Any, inputs: tuple[Any, ...], fit: _Fit) -> None:
            if not fit.done and inputs and isinstance(inputs[0], Tensor):
                fit.solve(layer, inputs[0])
                wake()

        handles = [
            model.get_submodule(name).register_forward_pre_hook(
                lambda layer, inputs, fit=fit: before(layer, inputs, fit)
            )
            for name, fit in fits.items()
        ]
        try:
            model(images.clone())
        finally:
            for handle in handles:
                handle.remove()
