"""A backbone whose function makes another number of outputs than there are classes, with a new head."""

from __future__ import annotations

from lcsearch.core.errors import InputError
from lcsearch.core.seeds import generators_kept
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.backbones import with_head
from lcsearch.nets.head import head_of, outputs_of
from lcsearch.nets.surgery import build_model


def with_new_head(plain: ModelSpec, image_size: int) -> tuple[str, str]:
    """The name of a backbone as it is built with as many outputs as classes, whatever its function makes.

    Args:
        plain: The backbone, its classes and channels.
        image_size: Height and width of the images, in pixels.

    Returns:
        The name, which specs and configs carry (`lcsearch.nets.backbones.with_head`), and what was done, in
        words. The backbone's own name and no words where nothing is to be done, or the net does not run.

    Raises:
        InputError: The layer that gives its logits cannot be made new.
    """
    shape, name = (plain.in_channels, image_size, image_size), plain.backbone
    with generators_kept():
        model = build_model(plain)
        outputs = outputs_of(model, shape)
        head = head_of(model, shape)
        if outputs is None or outputs == plain.num_classes or head is None:
            return name, ""
        named = with_head(name, head)
        made = outputs_of(build_model(ModelSpec(named, plain.num_classes, plain.in_channels)), shape)
    if made != plain.num_classes:
        problem = f"does not help: with a new {head!r} the net does not give {plain.num_classes} outputs"
        raise InputError(problem, setting="new_head")
    words = f"{plain.num_classes} outputs instead of {outputs}"
    return named, f"the layer that gives the logits ({head}) is made new: {words}"
