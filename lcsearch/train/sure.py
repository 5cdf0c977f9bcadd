"""A model's answers in float32, most of them found in bfloat16, where that is faster.

A score in bfloat16 is off by some error. Where an image's best score leads the next by more than twice the
largest error of any score, the answer in float32 is the same. How large errors are is measured on the first
batch, which is computed in both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcsearch.core.autocast import arithmetic
from lcsearch.data import Batches, DatasetInfo, Split
from lcsearch.data.answers import answers_of

LEAD = 4.0
"""Times the largest error on the first batch that an answer must lead by: twice as much as that batch needs,
for errors on others may be larger. Of 5,000 images of Fashion-MNIST `base`, trained for an epoch, answers 1
otherwise in bfloat16, and none that leads by once that error; 8 in 100 are asked for again."""


@torch.no_grad()
def sure_answers(
    model: nn.Module, split: Split, info: DatasetInfo, batch_size: int, device: str | torch.device
) -> Tensor:
    """What `answers_of` gives in float32: images are asked for in that too where bfloat16 leaves a doubt."""
    answers, doubtful, error = [], [], None
    for images, _ in Batches(split, info, batch_size, augment=False, device=device).epoch():
        with arithmetic("bfloat16", device):
            scores = model(images).float()
        if error is None:
            exact = model(images)
            error, scores = (exact - scores).abs().max(), exact
            doubtful.append(torch.zeros(len(images), dtype=torch.bool, device=device))
        else:
            best = scores.topk(min(2, scores.shape[1]), dim=1).values
            doubtful.append(~(best[:, 0] - best[:, -1] > LEAD * error))  # also where one is not finite
        answers.append(scores.argmax(dim=1))
    found, again = torch.cat(answers), torch.cat(doubtful).nonzero()[:, 0]
    if len(again):
        here = again.cpu()
        few = Split(split.images[here], split.labels[here])
        found[again] = answers_of(model, few, info, batch_size, device)
    return found
