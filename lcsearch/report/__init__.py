"""The report: what a run shows, as plain records, apart from the drawing of them."""

from __future__ import annotations

from lcsearch.report.page import render, write

__all__ = ["render", "write"]
