"""Models cut out of a trained backbone: read its weights, compress it, see which layer bears what.

This package knows layers, surgery, data and evaluation; it knows nothing of the search.
"""

from __future__ import annotations
