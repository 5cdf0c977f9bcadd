"""The weights that torchvision publishes for its nets."""

from __future__ import annotations

from torch import Tensor, nn

from lcsearch.core.errors import InputError, one_line
from lcsearch.nets import surgery


def published(backbone: str, model: nn.Module) -> dict[str, Tensor]:
    """The weights of one of torchvision's nets by name, without those of auxiliary heads."""
    prefix, _, name = backbone.partition(":")
    if prefix != "torchvision":
        raise InputError(f"there are weights for torchvision:NAME only, not for {backbone}")
    import torchvision

    try:
        found = torchvision.models.get_model_weights(name)
    except ValueError:
        raise InputError(f"torchvision has no net {name!r}") from None
    first = next(iter(surgery.conv_layers(model).values()), None)
    if first is not None and first.in_channels != 3:
        raise InputError(f"{backbone} is trained on 3 channels; the images have {first.in_channels}")
    try:
        state = found.DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, AttributeError, RuntimeError) as error:
        raise InputError(f"the weights of {backbone} cannot be had: {one_line(error)}") from None
    auxiliary = ("AuxLogits.", "aux1.", "aux2.")
    return {key: value for key, value in state.items() if not key.startswith(auxiliary)}
