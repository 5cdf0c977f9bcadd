"""Fashion-MNIST (arXiv 1708.07747)."""

from lcsearch.data.sets._torchvision import Mnist

DATA_SET = Mnist(
    kind="FashionMNIST",
    summary="28x28 grey pictures of clothing, padded to 32x32",
    mean=(0.2860,),
    std=(0.3530,),
    flip=True,
    in_debian=True,
)
