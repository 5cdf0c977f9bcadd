"""Data sets as tensors: decoded once, split into disjoint parts, augmented in batches on the device."""

from lcsearch.data.batches import Batches
from lcsearch.data.dataset import DataSet, DatasetInfo, Raw, SearchData, Split
from lcsearch.data.hugging_face import with_columns
from lcsearch.data.loading import (
    describe,
    divide,
    fetch,
    final_evaluation,
    full_name,
    load,
    names,
    recorded_test_split,
    test_split,
)
from lcsearch.data.notes import notes_on
from lcsearch.data.pixels import from_arrays
from lcsearch.data.places import cache_dir

__all__ = [
    "Batches",
    "DataSet",
    "DatasetInfo",
    "Raw",
    "SearchData",
    "Split",
    "cache_dir",
    "describe",
    "divide",
    "fetch",
    "final_evaluation",
    "from_arrays",
    "full_name",
    "load",
    "names",
    "notes_on",
    "recorded_test_split",
    "test_split",
    "with_columns",
]
