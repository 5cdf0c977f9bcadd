"""A search as one writes it by hand: Optuna with two objectives, LinearConv as published, torchvision's data.

The other side of ``bench_search_speed.py``. It uses nothing of lcsearch: every number of primary filters is
asked of Optuna, a new VGG-11 is trained from scratch, the same images come through a ``DataLoader``, and what
each trial came to is a line of a file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from pathlib import Path

import optuna
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import FashionMNIST
from torchvision.transforms import Compose, Normalize, Pad, RandomCrop, ToTensor

PLAN = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0)
"""VGG-11: channels of convolutions, and where maps shrink."""
BATCH = 64


class LinearConv(nn.Module):
    """Some filters are learned, the rest are linear combinations of them (arXiv 1907.11432)."""

    def __init__(self, channels: int, filters: int, primaries: int) -> None:
        super().__init__()
        whole = nn.Conv2d(channels, filters, 3, padding=1)
        self.primary = nn.Parameter(whole.weight.detach()[:primaries].clone())
        self.coefficients = nn.Parameter(torch.randn(filters - primaries, primaries) / primaries**0.5)
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x: Tensor) -> Tensor:
        """Build all filters, then convolve x (n, c, h, w) by them."""
        secondary = (self.coefficients @ self.primary.flatten(1)).view(-1, *self.primary.shape[1:])
        return F.conv2d(x, torch.cat([self.primary, secondary]), self.bias, padding=1)


def vgg11(primaries: list[int]) -> nn.Module:
    """The net with so many primary filters in each convolution after the first."""
    layers: list[nn.Module] = []
    channels, chosen = 1, iter(primaries)
    for filters in PLAN:
        if filters == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layer = nn.Conv2d(1, filters, 3, padding=1) if channels == 1 else None
        layers += [layer or LinearConv(channels, filters, next(chosen)), nn.BatchNorm2d(filters), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def loaders(data_dir: Path, folder: Path, places: Path) -> tuple[DataLoader[Tensor], DataLoader[Tensor]]:
    """Training images, each moved a little, and validation images, by their places in torchvision's part."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for packed in data_dir.glob("*-ubyte.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    plain = [ToTensor(), Normalize([0.286], [0.353])]
    chosen = json.loads(places.read_text())
    train = FashionMNIST(str(folder), train=True, transform=Compose([Pad(2), RandomCrop(32, 4), *plain]))
    judge = FashionMNIST(str(folder), train=True, transform=Compose([Pad(2), *plain]))
    return (
        DataLoader(Subset(train, chosen["train"]), BATCH, shuffle=True, num_workers=2, drop_last=True),
        DataLoader(Subset(judge, chosen["validation"]), 500, num_workers=2),
    )


def trained(net: nn.Module, images: DataLoader[Tensor], epochs: int) -> nn.Module:
    """The net after some epochs of SGD with Nesterov momentum; its rate falls to nothing."""
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=epochs * len(images))
    net.train()
    for _ in range(epochs):
        for batch, labels in images:
            optimizer.zero_grad()
            F.cross_entropy(net(batch), labels).backward()
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, images: DataLoader[Tensor]) -> float:
    right = [(net(batch).argmax(1) == labels).float() for batch, labels in images]
    return 100 * float(torch.cat(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("lines", "places", "folder", "data_dir"):
        parser.add_argument(name, type=Path)
    for name in ("--seconds", "--epochs", "--threads", "--seed"):
        parser.add_argument(name, type=int)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    images, judges = loaders(arguments.data_dir, arguments.folder, arguments.places)
    filters = [size for size in PLAN if size][1:]

    def objective(trial: optuna.Trial) -> tuple[float, int]:
        start = time.perf_counter()
        names = [f"layer {place}" for place in range(len(filters))]
        primaries = [
            trial.suggest_int(name, max(1, size // 32), size, log=True)
            for name, size in zip(names, filters, strict=True)
        ]
        net = trained(vgg11(primaries), images, arguments.epochs)
        found, params = accuracy(net, judges), sum(p.numel() for p in net.parameters())
        now = time.perf_counter()
        line = {"at": now - begin, "seconds": now - start, "accuracy": found, "params": params}
        with arguments.lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "primaries": primaries}) + "\n")
        return found, params

    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=arguments.seed)
    )
    study.optimize(objective, timeout=arguments.seconds)


if __name__ == "__main__":
    main()
