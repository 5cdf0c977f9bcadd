"""From a trained backbone to trained compressed models: weights, fits, sensitivity; knows no search."""
