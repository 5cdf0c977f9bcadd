"""lcsearch: a search that makes CNNs smaller with LinearConv layers."""

__version__ = "0.1.0"
