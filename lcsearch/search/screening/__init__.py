"""Looks at many candidates before one of them is trained: cut out, and evaluated on training images."""

from lcsearch.search.screening.check import check_screening
from lcsearch.search.screening.screening import Screening

__all__ = ["Screening", "check_screening"]
