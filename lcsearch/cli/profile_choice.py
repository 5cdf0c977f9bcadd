"""What ``lcsearch profile`` is told of a family, checked, and the same choice for every convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lcsearch.core.errors import InputError, Named
from lcsearch.core.spec import ModelSpec

if TYPE_CHECKING:
    from torch import nn

    from lcsearch.layers.option import Option

Given = float | str
"""What an option may be given: a number, a flag, or a word."""


def check_options(name: str, given: Mapping[str, Given]) -> None:
    """Check a family's options.

    Args:
        name: Of the family.
        given: Values by the names of options.

    Raises:
        InputError: One is missing, not the family's, out of its range, or two exclude each other.
    """
    from lcsearch.layers import lookup

    options = {option.name: option for option in lookup.family(name).options}
    replaced = {options[number].instead_of for number in given if number in options}
    for option in options.values():
        if option.required and option.name not in given and option.name not in replaced:
            raise InputError("is missing (or give ", Named("config"), " alone)", setting=option.name)
    for number, value in given.items():
        if number not in options:
            raise InputError("means nothing with ", Named("family", name), setting=number)
        if not isinstance(value, str) and not options[number].low <= value <= options[number].high:
            raise InputError(f"{value:g} is not {options[number].allowed}", setting=number)
    _check_together(options, given)


def _check_together(options: Mapping[str, Option], given: Mapping[str, Given]) -> None:
    """Make sure that no two options are given that exclude each other."""
    for number in given:
        if options[number].instead_of in given:
            raise _exclude(number, options[number].instead_of)
    free = [number for number in given if not (options[number].required or options[number].instead_of)]
    if len(free) > 1:
        raise _exclude(*free)


def _exclude(*numbers: str) -> InputError:
    both = [part for number in numbers for part in (" and ", Named(number))][1:]
    return InputError(*both, ": exclude each other; give one of them")


def uniform(
    plain: ModelSpec, family: str, numbers: Mapping[str, Given], init: str | None, image_size: int
) -> ModelSpec:
    """The net with the same choice for every convolution.

    Args:
        plain: The net.
        family: What its convolutions become.
        numbers: The family's options.
        init: Trained weights, for options that mean them: a file, or ``pretrained``.
        image_size: Height and width of the images, in pixels.

    Raises:
        InputError: Weights are missing, or cannot be read; or two options exclude each other.
    """
    from lcsearch.layers import lookup
    from lcsearch.nets import surgery

    options = lookup.family(family).options
    of_weights = [option.name for option in options if option.of_weights and option.name in numbers]
    if not of_weights and init is not None:
        raise InputError("means nothing here: no option asks for trained weights", setting="init", value=init)
    if not of_weights:
        return replace(plain, layers=surgery.uniform(build(plain), family, **numbers))
    if init is None:
        raise InputError("means trained weights; give ", Named("init", "FILE"), " too", setting=of_weights[0])
    if plain.channels:
        raise _exclude(of_weights[0], "channels")
    return replace(plain, layers=surgery.uniform(_trained(plain, init, image_size), family, **numbers))


def build(spec: ModelSpec, all_layers: bool = False) -> nn.Module:
    """A net on the meta device; with all layers also those that save nothing."""
    import torch

    from lcsearch.nets import surgery

    with torch.device("meta"):
        return surgery.build_model(spec, keep_hopeless=all_layers)


def _trained(spec: ModelSpec, init: str, image_size: int) -> nn.Module:
    """The net with trained weights."""
    from lcsearch.nets import surgery
    from lcsearch.nets.weights import pretrained_weights, read_weights

    model, shape = surgery.build_model(spec), (spec.in_channels, image_size, image_size)
    if init == "pretrained":
        given = pretrained_weights(spec.backbone, model, new_head=False, shape=shape)
    else:
        given = read_weights(Path(init), model, new_head=False, shape=shape)
    model.load_state_dict(given.state)
    return model
