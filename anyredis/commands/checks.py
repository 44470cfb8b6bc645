"""Checks of arguments by the annotations of their parameters, before a command is built.

Law: the annotation of a parameter decides which values it takes: an int is a whole number, a bool a
flag, a float a number but not NaN.  A value that the server would refuse, or that would mean
something else than it says, is refused before anything is sent.
"""

from __future__ import annotations

import datetime
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias, Union, get_args, get_origin

from anyredis.exceptions import DataError, DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen

Count: TypeAlias = Annotated[int, "0 or more"]
"""A whole number that is not negative: a number of things, a port, an offset from the start."""

Check: TypeAlias = Callable[[str, object], None]
"""Raises `DataError` for a value that does not fit; the text is the place, such as `time`."""


class Kind(Frozen):
    """One kind of parameter that is checked."""

    __slots__ = ("check", "fits")

    def __init__(self, fits: str, check: Check) -> None:
        self.fits: Final = fits
        """An expression that is true for the usual values of `{0}`, and calls no Python function."""
        self.check: Final = check
        """The full check, for values for which the expression is false."""


def refuse(where: str, value: object, instead: str) -> NoReturn:
    """Raise the `DataError` for *value* at *where*: `DataTypeError`, or of a NaN `DataValueError`."""
    kind: type[DataError] = DataTypeError
    if isinstance(value, float) and not math.isfinite(value):
        kind = DataValueError
    raise kind(f"{where} is {excerpt(value, 80)} ({type(value).__name__}): give {instead}")


def whole(where: str, value: object) -> None:
    """Refuse all but an int."""
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(where, value, "a whole number, an int")


def natural(where: str, value: object) -> None:
    """Refuse all but an int that is not negative."""
    whole(where, value)
    if isinstance(value, int) and value < 0:
        raise DataValueError(f"{where} is {excerpt(value, 80)}: give a whole number, 0 or more")


def duration_or_whole(where: str, value: object) -> None:
    """Refuse all but an int and a `timedelta`."""
    if not isinstance(value, datetime.timedelta) and (
        not isinstance(value, int) or isinstance(value, bool)
    ):
        refuse(
            where,
            value,
            "a whole number, an int, or a timedelta; for a fraction of a second use milliseconds",
        )


def moment_or_whole(where: str, value: object) -> None:
    """Refuse all but an int and a `datetime`."""
    if not isinstance(value, datetime.datetime) and (
        not isinstance(value, int) or isinstance(value, bool)
    ):
        refuse(where, value, "a whole number, an int, or a datetime; round the time: int(…)")


def time_or_whole(where: str, value: object) -> None:
    """Refuse all but an int, a `timedelta` and a `datetime`."""
    if not isinstance(value, datetime.datetime):
        duration_or_whole(where, value)


def number(where: str, value: object) -> None:
    """Refuse all but an int, and a float that is not NaN."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value:  # noqa: PLR0124 - NaN
        refuse(where, value, "a number, an int or a float, not NaN")


def score(where: str, value: object) -> None:
    """Refuse NaN, and a bool; text, such as `"(1"` and `"+inf"`, may be a score too."""
    if isinstance(value, str):
        if value.strip(" (+-").lower() == "nan":
            raise DataValueError(f"{where} is {excerpt(value, 80)}: NaN is no score: give a number")
    elif not isinstance(value, bytes):
        number(where, value)


def seconds(where: str, value: object) -> None:
    """Refuse all but a finite number that is not negative."""
    if isinstance(value, (str, bytes)):
        refuse(
            where,
            value,
            "seconds as a number; several keys are one list: write ([key, …], timeout=seconds)",
        )
    number(where, value)
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise DataValueError(f"{where} is {excerpt(value, 80)}: give seconds, 0 (no limit) or more")


def flag(where: str, value: object) -> None:
    """Refuse all but True and False: `"no"` and `"0"` would be true."""
    if value is not True and value is not False:
        refuse(where, value, "True or False")


def entry_id(where: str, value: object) -> None:
    """Refuse all but text and an int, for the ID of an entry of a stream."""
    if not isinstance(value, (str, bytes, bytearray, memoryview, int)) or isinstance(value, bool):
        refuse(where, value, "the ID of an entry, as text, or its milliseconds as an int")


def rank_bounds(command: str, **bounds: object) -> None:
    """Raise `DataError` unless *bounds* are ranks: whole numbers, or text for the server to read."""
    for name, value in bounds.items():
        if isinstance(value, (str, bytes)):
            _whole_text(f"{command}: {name}", value)
        else:
            whole(f"{command}: {name}", value)


def _whole_text(where: str, value: str | bytes) -> None:
    try:
        int(value)
    except ValueError:
        instead = "a whole number, the rank; for scores give byscore=True, for names bylex=True"
        raise DataValueError(f"{where} is {excerpt(value, 80)}: give {instead}") from None


# -- kinds by annotation ------------------------------------------------------------------------

_IS_WHOLE = "_type_({0}) is int"
_IS_ID = "(_type_({0}) is str or _type_({0}) is bytes or _type_({0}) is int)"
_IS_NUMBER = "(_type_({0}) is float or _type_({0}) is int) and {0} == {0}"

FLAG = Kind("({0} is False or {0} is True)", flag)
SECONDS = Kind("(_type_({0}) is int or _type_({0}) is float) and 0 <= {0} < 1e999", seconds)

KINDS: dict[frozenset[object], Kind] = {
    frozenset({bool}): FLAG,
    frozenset({int}): Kind(_IS_WHOLE, whole),
    frozenset({Count}): Kind(f"{_IS_WHOLE} and {{0}} >= 0", natural),
    frozenset({int, datetime.timedelta}): Kind(_IS_WHOLE, duration_or_whole),
    frozenset({int, datetime.datetime}): Kind(_IS_WHOLE, moment_or_whole),
    frozenset({int, datetime.timedelta, datetime.datetime}): Kind(_IS_WHOLE, time_or_whole),
    frozenset({bytes, bytearray, memoryview, str, int}): Kind(_IS_ID, entry_id),
    frozenset({float}): Kind(_IS_NUMBER, number),
    frozenset({float, str}): Kind(_IS_NUMBER, score),
    frozenset({float, str, bytes}): Kind(_IS_NUMBER, score),
}
"""The kind of a parameter by the types in its annotation; others are not checked here."""


class Checked(Frozen):
    """A parameter that is checked: the values of *kind*, and None if it is *optional*.

    If *several*, it is `*name`, and each of its values is checked.
    """

    __slots__ = ("kind", "name", "optional", "several")

    def __init__(self, name: str, kind: Kind, optional: bool, several: bool) -> None:
        self.name: Final = name
        self.kind: Final = kind
        self.optional: Final = optional
        self.several: Final = several

    @property
    def title(self) -> str:
        """The parameter with the name of its check, for the file name in tracebacks."""
        return f"{self.name}: {self.kind.check.__name__}{'?' if self.optional else ''}"

    @property
    def condition(self) -> str:
        """An expression that is true if no further check is needed."""
        if self.several:
            return f"not {self.name}"
        fits = self.kind.fits.format(self.name)
        return f"({self.name} is None or {fits})" if self.optional else f"({fits})"

    def check(self, value: Any, prefix: str = "") -> None:
        """Raise `DataError` that names the parameter, after *prefix*, if *value* does not fit."""
        if self.several:
            for index, item in enumerate(value):
                self.kind.check(f"{prefix}{self.name}[{index}]", item)
        elif value is not None or not self.optional:
            self.kind.check(f"{prefix}{self.name}", value)


def first_refusal(checks: Iterable[Checked], arguments: Mapping[str, object]) -> DataError | None:
    """The error for the first of *arguments* that does not fit.

    It has no traceback, whose frames hold the arguments: some may be secrets.
    """
    try:
        for each in checks:
            each.check(arguments[each.name])
    except DataError as refused:
        return refused.with_traceback(None)
    return None


def atoms(annotation: object) -> frozenset[object]:
    """The types that a resolved *annotation* is a union of; a literal bool counts as bool."""
    origin = get_origin(annotation)
    if origin is Union or origin is UnionType:
        return frozenset(atom for each in get_args(annotation) for atom in atoms(each))
    if origin is Literal:
        values = get_args(annotation)
        return frozenset(bool if isinstance(each, bool) else annotation for each in values)
    return frozenset((NoneType if annotation is None else annotation,))


def checked(name: str, annotation: object, *, several: bool = False) -> Checked | None:
    """The check of the parameter *name* by its resolved *annotation*; None if it has none."""
    types = atoms(annotation)
    kind = KINDS.get(types - {NoneType})
    if kind is not None and name == "timeout" and float in types:
        kind = SECONDS  # that a blocking command waits
    return None if kind is None else Checked(name, kind, NoneType in types, several)


def checks_of(build: Callable[..., Any], signature: inspect.Signature) -> tuple[Checked, ...]:
    """The checks of the parameters of *build*, a function that builds a command."""
    known: Mapping[str, Any] = getattr(build, "__globals__", {})
    found: Iterable[Checked | None] = (
        checked(
            each.name,
            _resolved(each.annotation, known),
            several=each.kind is inspect.Parameter.VAR_POSITIONAL,
        )
        for each in signature.parameters.values()
        if each.annotation is not inspect.Parameter.empty
    )
    return tuple(each for each in found if each is not None)


def _resolved(annotation: object, known: Mapping[str, Any]) -> object:
    """*annotation* as an object; one whose names only a checker knows stays text: no check."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, dict(known))  # noqa: S307 - an annotation in the program's own code
    except NameError:
        return annotation
