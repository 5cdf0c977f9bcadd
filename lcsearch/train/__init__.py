"""One training run: a spec in, metrics out; knows nothing of search."""

from lcsearch.train.evaluate import evaluate
from lcsearch.train.loop import train
from lcsearch.train.results import EpochMetrics, TrainingFailed, TrainResult

__all__ = ["EpochMetrics", "TrainResult", "TrainingFailed", "evaluate", "train"]
