"""Train one compressed net without a search: its convolutions become LinearConv layers, later standard ones.

    python scripts/example_layers.py

Ten seconds of one CPU core, on scikit-learn's digits, without a network.
"""

from __future__ import annotations

import torch

from lcsearch.core.spec import Recipe, Regularizer
from lcsearch.data import load
from lcsearch.nets import backbones, surgery
from lcsearch.nets.count import count
from lcsearch.train.evaluate import evaluate
from lcsearch.train.loop import train
from lcsearch.train.results import EpochMetrics


def say(epoch: EpochMetrics) -> bool:
    print(f"epoch {epoch.epoch}: {epoch.accuracy:.1f} % of the validation images")
    return True


def main() -> None:
    torch.manual_seed(0)
    data = load("digits")
    info, image = data.info, (data.info.in_channels, data.info.image_size, data.info.image_size)
    model = backbones.build("base", num_classes=info.num_classes, in_channels=info.in_channels)
    plain = count(model, image).params
    model = surgery.convert(model, surgery.uniform(model, "linear", alpha=0.25))
    print(f"{plain:,} parameters, {count(model, image).params:,} with a quarter of the filters learned")
    train(model, data, Recipe(epochs=4), Regularizer(weight=0.01), seed=0, report=say)
    exported = surgery.factorize(model)  # layers of PyTorch alone, which torch.export and others take
    print(f"as standard layers: {evaluate(exported, data.validation, info):.1f} %")


if __name__ == "__main__":
    main()
