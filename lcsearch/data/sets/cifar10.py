"""CIFAR-10 (Krizhevsky 2009)."""

from lcsearch.data.sets._torchvision import Cifar

DATA_SET = Cifar(
    kind="CIFAR10",
    folder="cifar-10-batches-py",
    summary="32x32 colour photographs of ten kinds of things",
    num_classes=10,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
)
