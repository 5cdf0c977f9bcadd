from __future__ import annotations

import pickle

from lcsearch.train import EpochMetrics, TrainingFailed, TrainResult


def test_the_accuracy_is_that_of_the_last_epoch() -> None:
    history = tuple(EpochMetrics(n, 10.0 * n, 1.0, 0.1, 0.01) for n in (1, 2, 3))
    assert TrainResult(history, stopped=False, resumed_from=0).accuracy == 30.0


def test_a_failure_travels_from_a_worker_and_is_one_line() -> None:
    error = pickle.loads(pickle.dumps(TrainingFailed("loss is nan", 2, 7, 0.012345)))
    assert str(error) == "loss is nan at epoch 2, step 7, learning rate 0.0123"
    assert (error.what, error.epoch, error.step, error.learning_rate) == ("loss is nan", 2, 7, 0.012345)
