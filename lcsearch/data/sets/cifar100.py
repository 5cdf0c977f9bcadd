"""CIFAR-100 (Krizhevsky 2009)."""

from lcsearch.data.sets._torchvision import Cifar

DATA_SET = Cifar(
    kind="CIFAR100",
    folder="cifar-100-python",
    summary="32x32 colour photographs of a hundred kinds of things",
    num_classes=100,
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
)
