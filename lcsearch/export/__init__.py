"""Export: a chosen trial as a config, as weights, or as a model that runs without lcsearch."""

from __future__ import annotations

from lcsearch.export.write import Exported, export

__all__ = ["Exported", "export"]
