"""What a layer that takes the place of a convolution tells of itself, whatever its family."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from lcsearch.layers.bank_norm import InnerNorm
from lcsearch.layers.shape import ConvShape, Places, Size
from lcsearch.layers.sharing import share, share_buffers


class FamilyLayer(nn.Conv2d):
    """A layer that takes and returns feature maps as ``nn.Conv2d`` does: (n, in, h, w) or (in, h, w).

    It is an ``nn.Conv2d``, so that a net that asks what its layers are, or reads one, still works: it has
    `weight`, and ``kernel_size``, ``stride`` and the like, which it gets with the place of a convolution. It
    has none of the parameters that ``nn.Conv2d`` makes: a family makes what it needs.

    Attributes:
        family: The name of its family.
        carried: Names of what the net's author hung on the convolution that it replaces.
    """

    family: ClassVar[str]
    carried: tuple[str, ...] = ()
    _lead: FamilyLayer | None = None
    _owner: FamilyLayer | None = None

    def __init__(self) -> None:
        nn.Module.__init__(self)  # that of nn.Conv2d would make filters

    def filters(self) -> Tensor:
        """All filters (out, in / groups, kh, kw) in the order of the output channels, with gradients."""
        return self.to_conv().weight.detach()

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The filters that the layer stands for, with gradients: made anew at each look, and no parameter.

        To write into it changes nothing.
        """
        return self.filters()

    def reset_parameters(self) -> None:
        """Draw fresh parameters."""
        raise TypeError(f"{type(self).__name__} does not say how its parameters are drawn anew")

    def extra_repr(self) -> str:
        """Show what decides its size."""
        shape = self.shape
        return f"{shape.in_channels}, {shape.out_channels}, kernel_size={shape.kernel}, groups={shape.groups}"

    @property
    @abstractmethod
    def shape(self) -> ConvShape:
        """The convolution that it stands for."""

    @abstractmethod
    def to_conv(self) -> nn.Conv2d:
        """The plain convolution that gives the same output."""

    def factorize(self, places: Places | None = None) -> nn.Module:
        """Standard layers that give the same output, in the form that takes fewer multiply-accumulates.

        Args:
            places: Of its feature maps, where the cheaper form depends on them; None for large images.
        """
        return self.to_conv()

    @abstractmethod
    def match_scale(self, conv: nn.Conv2d) -> None:
        """Bring fresh filters to the scale of a convolution's, and take over its bias."""

    @torch.no_grad()
    def take_over(self, conv: nn.Conv2d) -> None:
        """Take a trained convolution's bias, and learn where that one does."""
        bias = getattr(self, "bias", None)
        if bias is not None and conv.bias is not None:
            bias.copy_(conv.bias)
        for parameter in self.parameters():
            parameter.requires_grad_(conv.weight.requires_grad)

    @property
    def owner(self) -> FamilyLayer | None:
        """The layer that holds a tensor which this one uses too; None for one that has all that it uses."""
        return self._owner

    def borrow(self, owner: FamilyLayer) -> None:
        """Use the tensor of another layer from now on.

        Args:
            owner: The layer that holds it.

        Raises:
            ValueError: The two cannot share it.
        """
        vars(self)["_owner"] = owner  # as an attribute it would be a child

    @property
    def lead(self) -> FamilyLayer | None:
        """The layer whose tensors this one has, apart from its bias; None for one that has its own."""
        return self._lead

    def follow(self, lead: FamilyLayer, *, bias: bool) -> None:
        """Have the tensors of another layer from now on, since their convolutions share their filters.

        Args:
            lead: A layer of the same spec, in place of a convolution of the same shape but for its bias.
            bias: Whether the bias is shared as well.

        Raises:
            ValueError: The two do not have tensors of the same names and shapes.
        """
        if not share(self, lead, bias=bias):
            raise ValueError(f"two layers of family {self.family} for one weight differ in their tensors")
        vars(self)["_lead"] = lead  # as an attribute it would be a child

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Move or cast: PyTorch gives each module buffers of its own then."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self._lead is not None:
            share_buffers(self, self._lead)
        return self

    def undecayed(self) -> list[nn.Parameter]:
        """Parameters that weight decay leaves alone, beside biases."""
        return []

    def faster(self) -> tuple[float, list[nn.Parameter]]:
        """How many times the learning rate some parameters get, and which; they decay as others do."""
        return 1.0, []

    def prunable(self) -> list[nn.Parameter]:
        """Parameters that are pruned during training, for an L1 penalty."""
        return []

    def prune(self, share: float) -> None:
        """Bring a share (0 to 1) of what is to be pruned to zero; called after each training step."""

    def unstored(self, own: set[nn.Parameter]) -> Size:
        """How many numbers of some of its parameters are not trainable for good, and not to be stored."""
        return Size(0, 0)

    def stored_buffers(self) -> Sequence[Tensor]:
        """Buffers that nothing but its file tells: their numbers count as stored, and as not trainable."""
        return ()

    def size_of(self, own: set[nn.Parameter], elsewhere: AbstractSet[Tensor]) -> Size:
        """How many numbers it adds to those of other layers.

        Args:
            own: Its parameters that no other layer has counted.
            elsewhere: Tensors that were counted.
        """
        numbers, less = sum(parameter.numel() for parameter in own), self.unstored(own)
        held = sum(buffer.numel() for buffer in self.stored_buffers() if buffer not in elsewhere)
        return Size(numbers - less.trainable, numbers - less.stored + held)

    def inner_norm(self) -> InnerNorm | None:
        """A batch norm between its tensors, which folds into what the layer is exported as."""
        return None

    def mixture(self, x: Tensor) -> tuple[Tensor, nn.Parameter] | None:
        """What it mixes in evaluation, for an input (n, in, h, w): maps (n, m, h, w), and by which (out, m).

        None where it does not work so, or need not be fitted to what it gets.
        """
        return None

    def masks(self) -> Mapping[str, str]:
        """Names of its tensors to names of the bool buffers that say which of their numbers are kept."""
        return {}

    def implied(self) -> Mapping[str, Tensor]:
        """Buffers that a file need not hold while they have these values."""
        return {}
