"""What a net must answer so that it can be trained and compared: finite logits (n, classes) in float32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError, Named
from lcsearch.core.text import kind_of
from lcsearch.nets.scores import gives_scores, own_answer, scores_in


def checked_answer(
    model: nn.Module, images: Tensor, classes: int, subject: str = "the net"
) -> tuple[Tensor, str]:
    """Run a net in the mode that it is in, and check what it answers.

    Args:
        model: The net.
        images: (n, c, h, w).
        classes: Labels of the data set.
        subject: What the message begins with.

    Returns:
        The logits (n, classes), and in words how they were taken out of the answer, empty where they are it.

    Raises:
        InputError: It answers something else.
    """
    scores, words = scores_in(own_answer(model, images))
    if words and not gives_scores(model):
        kind = type(model).__name__
        raise InputError(
            f"{subject} is of a kind ({kind}) that must give logits (n, classes) and nothing else"
        )
    mode = "training" if model.training else "evaluation"
    wrong = _wrong(scores, len(images), classes)
    if wrong is not None:
        raise InputError(f"{subject} gives {wrong[0]} in {mode}; ", *wrong[1:])
    assert isinstance(scores, Tensor)
    if not bool(scores.isfinite().all()):
        raise InputError(f"{subject} gives NaN or infinity in {mode}, of real images and fresh weights")
    autocast = torch.is_autocast_enabled(images.device.type)
    if not scores.is_floating_point() or (scores.dtype != torch.float32 and not autocast):
        raise InputError(f"{subject} gives {_type(scores)} in {mode}; float32 is needed")
    return scores, words


def _wrong(scores: object, images: int, classes: int) -> tuple[str | Named, ...] | None:
    """What is wrong with the kind or shape of an answer, and what is needed; None where nothing is."""
    needed = f"logits ({images}, {classes}) of {images} images of {classes} classes are needed"
    if not isinstance(scores, Tensor):
        return f"{kind_of(scores)} without a tensor in it", needed
    if scores.shape == (images, classes):
        return None
    if scores.dim() == 2 and len(scores) == images:
        return (
            f"{scores.shape[1]} outputs",
            f"the data set has {classes} classes: the function must make as many as num_classes says, or ",
            Named("new_head", True),
            " makes the layer new that gives them",
        )
    pooled = ", such as their mean over the places" if scores.dim() == 4 else ""
    return f"a tensor of shape {tuple(scores.shape)}", f"{needed}{pooled}"


def _type(scores: Tensor) -> str:
    return str(scores.dtype).removeprefix("torch.")
