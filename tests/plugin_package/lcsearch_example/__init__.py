"""One thing of each kind that people add to lcsearch, as short as it can be."""
