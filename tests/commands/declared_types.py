"""Whether a value is of the type that a command method declares, all its parts too."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterable, Mapping
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


@functools.cache
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
        return fits(value, bound[annotation], bound) if annotation in bound else True
    if origin in (Union, types.UnionType):
        return any(fits(value, each, bound) for each in args)
    if origin is Literal:
        return value in args
    if annotation is None or annotation is types.NoneType:
        return value is None
    kind = origin or annotation
    if is_typeddict(kind):
        hints = get_type_hints(kind, localns=KNOWN)
        fields = cast("dict[str, Any]", value)
        return isinstance(value, dict) and all(
            fits(fields[name], hints[name], bound) for name in fields.keys() & hints.keys()
        )
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, (float, int))
    if not isinstance(value, kind):
        return False
    if hasattr(kind, "_fields"):
        inner = dict(zip(getattr(kind, "__parameters__", ()), args, strict=False))
        inner = {name: bound.get(each, each) for name, each in inner.items()}
        hints = get_type_hints(kind, localns=KNOWN)
        return all(fits(getattr(value, name), hints[name], inner or bound) for name in hints)
    if kind is tuple:
        return _fits_tuple(value, args, bound)
    if kind is dict and args:
        return all(
            fits(name, args[0], bound) and fits(each, args[1], bound)
            for name, each in cast("dict[Any, Any]", value).items()
        )
    if kind in (list, set, frozenset) and args:
        return all(fits(each, args[0], bound) for each in cast("Iterable[Any]", value))
    return True


def _fits_tuple(value: tuple[Any, ...], args: tuple[Any, ...], bound: Bound) -> bool:
    if len(args) == 2 and args[1] is Ellipsis:
        return all(fits(each, args[0], bound) for each in value)
    return len(value) == len(args) and all(map(fits, value, args, [bound] * len(args)))
