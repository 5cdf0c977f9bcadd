"""Layer families, one a file, each with its ``FAMILY``; `lcsearch.layers.lookup` finds them."""
