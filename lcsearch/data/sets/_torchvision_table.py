"""The classification sets of torchvision that ``torchvision:NAME`` reads, one row each.

Five of its classes of labelled images are left out: of ``Omniglot`` and ``LFWPeople`` the test images are of
other classes than the training images, ``CelebA`` has many labels an image, ``LSUN`` needs a database of its
own, and ``FakeData`` is noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from lcsearch.data.pixels import IMAGENET_MEAN, IMAGENET_STD
from lcsearch.data.sets._torchvision import Mnist, TorchvisionSet
from lcsearch.data.sets._torchvision_named import NamedPart, NamedSet

_Parts = Mapping[NamedPart, Mapping[str, Any]]

_BY_TRAIN: _Parts = {"train": {"train": True}, "test": {"train": False}}
_BY_SPLIT: _Parts = {"train": {"split": "train"}, "test": {"split": "test"}}
_WITH_VALIDATION: _Parts = {**_BY_SPLIT, "validation": {"split": "val"}}
_VALIDATION_AS_TEST: _Parts = {"train": {"split": "train"}, "test": {"split": "val"}}
"""Of sets whose test images have no published labels."""
_UNDIVIDED: _Parts = {"all": {}}

_PHOTOGRAPHS = 64
"""Default height and width where images have no size of their own, in pixels."""
_GREY = {"in_channels": 1, "image_size": 32, "mean": (0.5,), "std": (0.5,)}
_LIKE_MNIST = {**_GREY, "mean": (0.1307,), "std": (0.3081,)}
"""Images that were made in the form of MNIST are normalised as it is."""
_COLOUR = {"in_channels": 3, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
"""ImageNet's, like those of image folders."""
_EMNIST_CLASSES = {"balanced": 47, "byclass": 62, "bymerge": 47, "digits": 10, "letters": 26, "mnist": 10}


def _files(
    kind: str, summary: str, classes: int, place: str, parts: _Parts = _BY_SPLIT, **more: Any
) -> NamedSet:
    """A set of image files, in colour."""
    facts = {"image_size": _PHOTOGRAPHS, "flip": True, "form": "files", **_COLOUR, **more}
    places = tuple(place.split())
    return NamedSet(kind=kind, summary=summary, num_classes=classes, signs=places, parts=parts, **facts)


def _arrays(kind: str, summary: str, classes: int, place: str, parts: _Parts, **more: Any) -> NamedSet:
    """A set that torchvision reads whole, in grey."""
    facts = {"flip": False, "form": "arrays", **_GREY, **more}
    places = tuple(place.split())
    return NamedSet(kind=kind, summary=summary, num_classes=classes, signs=places, parts=parts, **facts)


def _emnist() -> Iterator[tuple[str, NamedSet]]:
    """One set for each way in which EMNIST divides its classes; only letters begin at 1."""
    for split, classes in _EMNIST_CLASSES.items():
        parts: _Parts = {"train": {"split": split, "train": True}, "test": {"split": split, "train": False}}
        signs = " ".join(
            f"EMNIST/raw/emnist-{split}-{part}-{what}-ubyte"
            for part in ("train", "test")
            for what in ("images-idx3", "labels-idx1")
        )
        summary = f"28x28 grey handwritten characters, its split {split}, padded to 32x32"
        first = int(split == "letters")
        row = _arrays("EMNIST", summary, classes, signs, parts, first_label=first, **_LIKE_MNIST)
        yield f"EMNIST,{split}", row


_ROWS: tuple[TorchvisionSet, ...] = (
    _files("Caltech101", "objects", 101, "caltech101/101_ObjectCategories", _UNDIVIDED),
    _files("Caltech256", "objects", 257, "caltech256/256_ObjectCategories", _UNDIVIDED),
    _files(
        "CLEVRClassification",
        "rendered scenes of 3 to 10 objects, by their number",
        8,
        "clevr",
        _VALIDATION_AS_TEST,
        first_label=3,
    ),
    _files(
        "Country211",
        "photographs by country",
        211,
        "country211",
        {**_BY_SPLIT, "validation": {"split": "valid"}},
    ),
    _files("DTD", "textures", 47, "dtd", _WITH_VALIDATION),
    _files("EuroSAT", "64x64 satellite images of land use", 10, "eurosat/2750", _UNDIVIDED),
    _arrays(
        "FER2013",
        "48x48 grey faces by expression",
        7,
        "fer2013",
        _BY_SPLIT,
        form="items",
        image_size=48,
        flip=True,
        fetched=False,
    ),
    _files(
        "FGVCAircraft",
        "aircraft by variant",
        100,
        "fgvc-aircraft-2013b",
        {"train": {"split": "trainval"}, "test": {"split": "test"}},
    ),
    _files("Flowers102", "flowers", 102, "flowers-102", _WITH_VALIDATION),
    _files("Food101", "dishes", 101, "food-101"),
    _files("GTSRB", "traffic signs", 43, "gtsrb/GTSRB", flip=False, image_size=32),
    _files(
        "ImageNet", "photographs of a thousand kinds", 1000, "train val", _VALIDATION_AS_TEST, fetched=False
    ),
    _files(
        "Imagenette",
        "ten easy classes of ImageNet, at 160 pixels",
        10,
        "imagenette2-160",
        {part: {**options, "size": "160px"} for part, options in _VALIDATION_AS_TEST.items()},
    ),
    _files(
        "INaturalist",
        "plants and animals, 50 training images a species",
        10_000,
        "2021_train_mini 2021_valid",
        {"train": {"version": "2021_train_mini"}, "test": {"version": "2021_valid"}},
    ),
    Mnist(
        kind="KMNIST",
        summary="28x28 grey handwritten Hiragana, padded to 32x32",
        mean=(0.1918,),
        std=(0.3483,),
        flip=False,
    ),
    _files(
        "OxfordIIITPet",
        "cats and dogs by breed",
        37,
        "oxford-iiit-pet/images oxford-iiit-pet/annotations",
        {"train": {"split": "trainval"}, "test": {"split": "test"}},
    ),
    _files("PCAM", "96x96 slices of lymph nodes", 2, "pcam", _WITH_VALIDATION, form="items", image_size=96),
    _files(
        "Places365",
        "scenes, at 256 pixels",
        365,
        "data_256_standard val_256",
        {
            "train": {"split": "train-standard", "small": True},
            "test": {"split": "val", "small": True},
        },
    ),
    _arrays("QMNIST", "MNIST with 60,000 test images", 10, "QMNIST/raw", _BY_TRAIN, **_LIKE_MNIST),
    _files(
        "RenderedSST2",
        "sentences as pictures, by their mood",
        2,
        "rendered-sst2",
        _WITH_VALIDATION,
        flip=False,
    ),
    _arrays(
        "SEMEION",
        "16x16 handwritten digits in black and white",
        10,
        "semeion.data",
        {"all": {"download": False}},
    ),
    _files("StanfordCars", "cars by model", 196, "stanford_cars", fetched=False),
    _arrays(
        "STL10",
        "96x96 photographs of ten kinds of things",
        10,
        "stl10_binary",
        _BY_SPLIT,
        image_size=96,
        flip=True,
        **_COLOUR,
    ),
    _files("SUN397", "scenes", 397, "SUN397", _UNDIVIDED),
    _arrays("USPS", "16x16 grey handwritten digits of envelopes", 10, "usps.bz2 usps.t.bz2", _BY_TRAIN),
)

SETS: Mapping[str, TorchvisionSet] = MappingProxyType(
    dict(sorted([*((row.kind, row) for row in _ROWS), *_emnist()], key=lambda row: row[0].lower()))
)
"""By the name behind ``torchvision:``."""
