"""What measurements say of each family where all layers that may be are of it."""

from __future__ import annotations

from typing import Any

RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("linear", {"coefficients": ["full"]}),
    "basis, fitted": ("basis", {"bank": ["fitted"]}),
    "basis, random": ("basis", {"bank": ["random"]}),
    "basis, trained": ("basis", {"bank": ["trained"]}),
    "shared": ("shared", {"share_by": ["stage"]}),
    "separable": ("separable", {}),
}
"""By what tables call it: a family, and what a space says of it."""
