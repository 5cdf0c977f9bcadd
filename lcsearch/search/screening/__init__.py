"""Looks at many candidates before one of them is trained: cut out, and evaluated on training images."""

from lcsearch.search.screening.check import check_screening, screening_images
from lcsearch.search.screening.looks import Looks
from lcsearch.search.screening.screening import Screening

__all__ = ["Looks", "Screening", "check_screening", "screening_images"]
