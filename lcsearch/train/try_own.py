"""Tries nets on noise before a search by a training loop of the user's own, whose images nobody knows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError, said_of
from lcsearch.core.seeds import generators_kept, seed_everything
from lcsearch.core.spec import ModelSpec
from lcsearch.nets.failure import Watch
from lcsearch.nets.scores import tensors_in
from lcsearch.nets.surgery import build_model
from lcsearch.nets.use import Use, check_still_used, used

_IMAGES = 2


def try_own(
    plain: ModelSpec, compressed: ModelSpec, shape: tuple[int, int, int], *, device: str = "cpu"
) -> list[str]:
    """Run the plain net and a compressed one in evaluation, then forward and backward in training.

    Whatever they answer will do: what becomes of it is the loop's affair. Random generators stand as before
    afterwards.

    Args:
        plain: The plain backbone.
        compressed: A model of the space.
        shape: Channels, height and width of the noise.
        device: Where they run.

    Returns:
        A line where the plain net itself fails, since the loop may give it something else.

    Raises:
        InputError: The compressed net fails, or does not use a layer that took a convolution's place.
    """
    with generators_kept(device), said_of("backbone", plain.backbone):
        seed_everything(0)
        noise = torch.randn(_IMAGES, *shape).to(device)
        try:
            before = _use(plain, noise, "the net")
        except InputError as error:
            unknown = "so whether it uses layers in place of its convolutions is not known"
            return [f"{plain.backbone}: on noise {error}; {unknown}"]
        check_still_used(before, _use(compressed, noise, "the net with its convolutions replaced"))
    return []


def _use(spec: ModelSpec, noise: Tensor, subject: str) -> Use:
    """What a net, as the user's loop gets it, uses of its convolutions."""
    model = build_model(spec, as_written=True).to(noise.device)
    with used(model) as use, Watch(subject):
        images = noise.to(_type(model))
        with torch.no_grad():
            model.eval()(images.clone())
        answers = [part.float() for part in tensors_in(model.train()(images.clone())) if part.requires_grad]
        if answers:
            torch.stack([answer.square().mean() for answer in answers]).sum().backward()
    return use


def _type(model: nn.Module) -> torch.dtype:
    """The type of the net's numbers, which its images are to have."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
