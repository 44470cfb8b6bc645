"""Whether a value is of the type that a command method declares, all its parts too."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Hashable, Iterable, Mapping
from typing import (
    Any,
    ForwardRef,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from anyredis.command import Definition
from anyredis.exceptions import RedisError

KNOWN = {"Reply": object, "RedisError": RedisError}
"""Names in types that contain themselves: raw replies, whose parts may be anything."""

Bound = Mapping[Any, Any]
"""The types that the type variables stand for."""


def declared(group: type[object], method: str) -> Any:
    """The type of the values of *method* of *group*, as it is annotated."""
    base = next(base for base in group.__mro__ if method in vars(base))
    definition: Definition = vars(base)[method]
    build = definition.__wrapped__
    annotation: Any = inspect.signature(build).return_annotation
    known: dict[str, Any] = getattr(inspect.unwrap(build), "__globals__", {})
    resolved = eval(annotation, dict(known)) if isinstance(annotation, str) else annotation
    return get_args(resolved)[0]


def fits(value: Any, annotation: Any, bound: Bound) -> bool:
    """Whether *value* is of the type; a bool is no int, as readers promise."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any or annotation is object or isinstance(annotation, (str, ForwardRef)):
        return True  # the latter stand in types that contain themselves: raw replies
    if isinstance(annotation, TypeVar):
        return annotation not in bound or fits(value, bound[annotation], bound)
    if origin in (Union, types.UnionType):
        return any(fits(value, each, bound) for each in args)
    if origin is Literal:
        return value in args
    kind = origin or (types.NoneType if annotation is None else annotation)
    if is_typeddict(kind):
        return isinstance(value, dict) and _fits_fields(cast("Any", value), kind, bound)
    if not _is(value, kind):
        return False
    if hasattr(kind, "_fields"):
        inner = dict(zip(getattr(kind, "__parameters__", ()), args, strict=False))
        own = {name: bound.get(each, each) for name, each in inner.items()}
        return _fits_fields(value._asdict(), kind, own or bound)
    return not args or _fits_items(value, kind, args, bound)


def _is(value: Any, kind: type[Any]) -> bool:
    """Whether *value* is one of *kind*, whatever is in it."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (float, int) if kind is float else kind)


def _fits_fields(fields: Mapping[str, Any], kind: type[Any], bound: Bound) -> bool:
    hints = _hints(cast("Hashable", kind))
    return all(fits(fields[name], hints[name], bound) for name in fields.keys() & hints.keys())


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, localns=KNOWN)


def _fits_items(value: Any, kind: type[Any], args: tuple[Any, ...], bound: Bound) -> bool:
    """Whether what is in a collection fits; its own *kind* fits already."""
    if kind is tuple:
        wanted = args[:1] * len(value) if args[-1] is Ellipsis else args
        return len(value) == len(wanted) and all(map(fits, value, wanted, [bound] * len(value)))
    if issubclass(kind, Mapping):
        return all(
            fits(name, args[0], bound) and fits(each, args[1], bound)
            for name, each in cast("Mapping[Any, Any]", value).items()
        )
    return all(fits(each, args[0], bound) for each in cast("Iterable[Any]", value))
