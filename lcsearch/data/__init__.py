"""Data sets as tensors: decoded once, split into disjoint parts, augmented in batches on the device."""

from lcsearch.data.batches import Batches
from lcsearch.data.dataset import DatasetInfo, SearchData, Split
from lcsearch.data.loading import describe, fetch, final_evaluation, load, names, test_split
from lcsearch.data.places import cache_dir

__all__ = [
    "Batches",
    "DatasetInfo",
    "SearchData",
    "Split",
    "cache_dir",
    "describe",
    "fetch",
    "final_evaluation",
    "load",
    "names",
    "test_split",
]
