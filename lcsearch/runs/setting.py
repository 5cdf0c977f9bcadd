"""How one setting is declared: in words, by its type and bounds, with its default, and who takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from lcsearch.core import plugins
from lcsearch.core.errors import InputError
from lcsearch.runs.values import Check

Call = Literal["run", "resume", "retrain", "sensitivity", "search"]
"""Who takes settings: four commands, and `lcsearch.search`."""

NEW: tuple[Call, ...] = ("run", "search")
GOING_ON: tuple[Call, ...] = ("run", "search", "resume")
WORKING: tuple[Call, ...] = ("run", "search", "resume", "retrain")
AGAIN: tuple[Call, ...] = ("resume", "retrain")
READING: tuple[Call, ...] = ("run", "sensitivity")

GROUPS = ("data", "search", "training", "start", "workers", "run")
"""What settings are listed under, in this order."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a default may depend on.

    Attributes:
        device: Where trials compute.
        engine: Who runs them.
        init: Where models start; empty while that itself is asked for.
        new_head: Whether the last layer of given weights is made new.
        reserved: Whole CPUs of a trial on a cluster that others use too; 0 where the machine is the run's.
    """

    device: str
    engine: str
    init: str = ""
    new_head: bool = False
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A default that is worked out.

    Attributes:
        words: What it is, for help and docs.
        of: The default at a place; None where only the data or the backbone will tell.
    """

    words: str
    of: Callable[[Place], Any] = lambda place: None


def by_device(cpu: Any, gpu: Any, nothing: str = "") -> Rule:
    """A default that is another on a CPU.

    Args:
        cpu: The default there.
        gpu: The default elsewhere.
        nothing: What None means, in words.
    """
    there, elsewhere = (nothing if value is None else f"{value:,}" for value in (cpu, gpu))
    return Rule(f"{there} on a CPU, else {elsewhere}", lambda place: cpu if place.device == "cpu" else gpu)


AS_RECORDED: Any = object()
"""The default of a setting that is what a run.yaml means that does not hold it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        help: What it is, with its unit.
        group: One of `GROUPS`.
        takes: Who takes it; ``resume`` what alters the result of no trial.
        default: What it is where the user leaves it to us: a value, or a `Rule`.
        metavar: What stands for a value in help; empty for the type's own.
        option: The option, where it is not called as the setting.
        required: Who cannot do without it.
        repeated: Whether the option may be given several times, once for each value of a list.
        plugin: What people add that the setting names, a repeated one as ``NAME:PLACE``; None where it names
            none of it.
        name: As Python and run.yaml write it.
        kind: Its type and bounds, as ``Annotated`` says them.
    """

    help: str
    group: str = "run"
    takes: tuple[Call, ...] = ()
    default: Any = AS_RECORDED
    metavar: str = ""
    option: str = ""
    required: tuple[Call, ...] = ()
    repeated: bool = False
    plugin: plugins.Kind | None = None
    name: str = ""
    kind: Any = None

    def read(self, text: str) -> Any:
        """The value that a text stands for, checked; of a repeated one the value of one option.

        Raises:
            InputError: It stands for none that is allowed.
        """
        if self.repeated:
            return replace(self, kind=get_args(self.base)[0], repeated=False, plugin=None).read(text)
        if get_origin(self.base) is tuple:
            return self.check([part.strip() for part in text.split(",")])
        number = self.base in (int, float) and not any(
            isinstance(part, Check) and part.first for part in self.bounds
        )
        return self.check(self._tried("validate_strings", self.base, text) if number else text)

    def check(self, value: Any) -> Any:
        """A value, if it is allowed.

        Raises:
            InputError: It is of another type, out of bounds, or a name that nothing has.
        """
        found = self._tried("validate_python", self.kind, value)
        if self.plugin is not None:
            for name in [one.partition(":")[0] for one in found] if self.repeated else [found]:
                plugins.check(self.plugin, name)
        return found

    def default_at(self, place: Place) -> Any:
        """What it is where the user leaves it to us."""
        return self.default.of(place) if isinstance(self.default, Rule) else self.default

    @property
    def base(self) -> Any:
        """Its type without bounds and without None."""
        return unwrapped(self.kind)[0]

    @property
    def bounds(self) -> tuple[Any, ...]:
        """What is said of the type beside it."""
        return tuple(unwrapped(self.kind)[1])

    def _tried(self, how: Literal["validate_strings", "validate_python"], kind: Any, value: Any) -> Any:
        from pydantic import TypeAdapter, ValidationError

        from lcsearch.core.strict import mistake_of

        adapter: TypeAdapter[Any] = TypeAdapter(kind, config={"strict": True, "allow_inf_nan": False})
        try:
            return getattr(adapter, how)(value)
        except ValidationError as error:
            raise InputError(mistake_of(error)[1], setting=self.name) from None


def declared(record: type, takes: tuple[Call, ...] = ()) -> dict[str, Setting]:
    """The settings that a class declares, each by an annotation ``Annotated[type, bounds, Setting]``.

    Args:
        record: The class; where it is a dataclass, a field's default is that of its setting.
        takes: Who takes them, where the settings do not say it.
    """
    own = fields(record) if is_dataclass(record) else ()
    defaults = {field.name: field.default for field in own if field.default is not MISSING}
    found = {}
    for name, kind in get_type_hints(record, include_extras=True).items():
        setting = next((part for part in unwrapped(kind)[1] if isinstance(part, Setting)), None)
        if setting is None:
            continue  # a constant of the class
        default = defaults.get(name) if setting.default is AS_RECORDED else setting.default
        found[name] = replace(setting, name=name, kind=kind, default=default, takes=setting.takes or takes)
    return found


def unwrapped(kind: Any) -> tuple[Any, list[Any]]:
    """A type without ``Annotated`` and None, and what ``Annotated`` says of it."""
    if get_origin(kind) is Annotated:
        inner, *said = get_args(kind)
        base, more = unwrapped(inner)
        return base, [*more, *said]
    some = [part for part in get_args(kind) if part is not NoneType]
    if NoneType in get_args(kind) and len(some) == 1:
        return unwrapped(some[0])
    return kind, []
