"""Retraining: the front, the backbone and hand-picked models trained longer, several times, and tested once.

Validation picks, test reports: what is retrained is decided by the search's validation accuracies, and the
test images are read in `lcsearch.search.retrain.testing` alone, after the last training.
"""
