"""The search: what is tried, what is stopped, and what is recorded of it.

``lcsearch.search(...)``, which is `lcsearch.search.python.search`, searches over a loop of the user's own.
Python makes this package an attribute of ``lcsearch`` once anything of it is imported: so it is callable.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any


class _Search(ModuleType):
    """This package, which is called like the function."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        from lcsearch.search.python import search

        return search(*arguments, **keywords)

    @property
    def __signature__(self) -> inspect.Signature:
        from lcsearch.search.python import search

        return inspect.signature(search)


sys.modules[__name__].__class__ = _Search
