"""A run on disk: its directory, its study, and what is read from them."""
