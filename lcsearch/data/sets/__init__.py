"""The data sets that have a name, one a file: ``lcsearch.data.sets.NAME`` declares ``DATA_SET``."""
