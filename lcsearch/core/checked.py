"""Records that pydantic checks: each field's type and bounds stand once, where the field is declared."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar


class Checked:
    """Base of frozen dataclasses whose fields have ``Annotated`` bounds.

    Made in Python they are not checked. Read through `lcsearch.core.strict.validate` they take plain data: an
    unknown key is refused by its name, nothing is converted silently, and no number may be NaN or infinite.
    """

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "strict": True,
        "allow_inf_nan": False,
    }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """The checks of the fields; ``strict`` is for them, the record itself may be given as a mapping."""
        from pydantic_core import core_schema

        from lcsearch.core.strict import known_keys

        schema = handler(source)
        schema["strict"] = False
        names = tuple(field.name for field in fields(source))

        def check(data: Any) -> Any:
            return data if isinstance(data, source) else known_keys(names, data)

        return core_schema.no_info_before_validator_function(check, schema)
