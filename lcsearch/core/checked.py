"""Records that pydantic checks: each field's type and bounds stand once, where the field is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

VERSION = 1
"""Of the layout of every file that has one."""


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


def version_first(data: Any) -> Any:
    """Plain data of a file, if it is of `VERSION`, or names none; called before its keys are looked at.

    Raises:
        PydanticCustomError: It is of another.
    """
    from lcsearch.core.strict import problem

    version = data.get("version", VERSION) if isinstance(data, dict) else VERSION
    if version != VERSION or isinstance(version, bool):
        raise problem(f"{version!r} is not {VERSION}, the version this lcsearch reads", at=("version",))
    return data


@dataclass(frozen=True)
class Versioned(Checked):
    """A record of a file of `VERSION`; a newer one is refused before its keys are looked at."""

    version: int

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """The checks of the fields, after that of the version."""
        from pydantic_core import core_schema

        schema = super().__get_pydantic_core_schema__(source, handler)
        return core_schema.no_info_before_validator_function(version_first, schema)


@dataclass(frozen=True, slots=True)
class ReadBy:
    """Says of an ``Annotated`` type that a function of ours reads and checks its plain data.

    Attributes:
        read: Raises what `lcsearch.core.strict.problem` makes.
        then: Whether the type's own check follows.
    """

    read: Callable[[Any], Any]
    then: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The function, and the type's own check where it follows."""
        from pydantic_core import core_schema

        if self.then:
            return core_schema.no_info_before_validator_function(self.read, handler(source))
        return core_schema.no_info_plain_validator_function(self.read)
