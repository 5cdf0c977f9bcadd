"""MNIST (LeCun et al. 1998)."""

from lcsearch.data.sets._torchvision import Mnist

DATA_SET = Mnist(
    kind="MNIST",
    summary="28x28 grey handwritten digits, padded to 32x32",
    mean=(0.1307,),
    std=(0.3081,),
    flip=False,
)
