"""Who runs which trial where; no training and no search logic."""
