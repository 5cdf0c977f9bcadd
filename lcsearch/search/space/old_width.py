"""``width`` in the spaces of older versions: a factor on all channels of nets that can be built thinner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lcsearch.core.ranges import FloatRange
from lcsearch.core.strict import first_mistake, problem


class _Width(FloatRange):
    """A number in (0, 4]."""

    allowed: ClassVar[str] = "in (0, 4]"

    @classmethod
    def holds(cls, value: float) -> bool:
        """Whether the value is in (0, 4]."""
        return 0 < value <= 4


def as_channels(data: Any) -> Any:
    """Plain data of a space without ``width``: what it says becomes ``channels`` of rules that have none.

    A width of 1 says nothing; what is above 1 cannot be said any more, and becomes 1.

    Raises:
        PydanticCustomError: The width is none, or all of it is above 1.
    """
    if not isinstance(data, Mapping) or "width" not in data:
        return data
    mistake = first_mistake(_Width, data["width"])
    if mistake is not None:
        raise problem(mistake[1], ("width", *mistake[0]))
    width = _Width.model_validate(data["width"])
    if width.low > 1:
        words = f"{width.low:g} is above 1; nets are only made thinner: write channels in (0, 1] into layers"
        raise problem(words, ("width",))
    plain = {key: value for key, value in data.items() if key != "width"}
    layers = plain.get("layers")
    if width.low == 1 or not isinstance(layers, Mapping):
        return plain
    channels = {"low": width.low, "high": min(width.high, 1.0), "log": width.log}
    plain["layers"] = {
        pattern: {"channels": channels, **rule} if isinstance(rule, Mapping) else rule
        for pattern, rule in layers.items()
    }
    return plain
