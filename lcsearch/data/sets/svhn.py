"""SVHN (Netzer et al. 2011): street view house numbers, cropped to one digit."""

from lcsearch.data.sets._torchvision import Svhn

DATA_SET = Svhn(
    kind="SVHN",
    summary="32x32 colour photographs of house-number digits",
    num_classes=10,
    mean=(0.4377, 0.4438, 0.4728),
    std=(0.1980, 0.2010, 0.1970),
    train_images=73_257,
    test_images=26_032,
)
