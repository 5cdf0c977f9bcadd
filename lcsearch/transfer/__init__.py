"""From a trained backbone to trained compressed models: weights, fits, sensitivity; knows nothing of the search."""
