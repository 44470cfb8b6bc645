"""How a value of a user's type is made: of JSON text, or of the fields of a document.

Law: pydantic makes what it declared; msgspec makes all else that describes its fields, or pydantic
if only that is installed.  Nothing is imported before a type asks for it.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, TypeAlias, TypeVar, get_args, get_type_hints, is_typeddict

from anyredis.exceptions import DataError, DataTypeError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec

T = TypeVar("T")

CACHED: Final = 256
"""The number of readers, and of fillers, that are kept: one for each type and codec."""

Reader: TypeAlias = Callable[[bytes], Any]
"""Reads JSON text as a value of one type."""

Filler: TypeAlias = Callable[[dict[str, Any]], Any]
"""Makes a value of one type of its fields, in which numbers may be texts."""

Hook: TypeAlias = Callable[[type, Any], Any]
"""What msgspec asks for a value of a type that it does not know."""


def library(name: str) -> ModuleType | None:
    """The module *name*, or None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def for_type(make: Callable[[JsonCodec, Any], T], codec: JsonCodec, kind: Any) -> T:
    """What *make* gives for *codec* and *kind*; `DataTypeError` if no library knows that type."""
    try:
        return make(codec, kind)
    except DataError:
        raise
    except Exception as error:
        raise DataTypeError(f"type= is {excerpt(kind)}: {excerpt(error, 200)}") from error


# -- of JSON text -------------------------------------------------------------------------------


def typed_reader(kind: Any, dec_hook: Hook | None = None) -> Reader:
    """A function that reads JSON as *kind*, by pydantic if that made it, otherwise by msgspec.

    Without msgspec it is pydantic's.  Raises `DataTypeError` if neither is installed, and what they
    raise for a type that they do not know.
    """
    if is_of_pydantic(kind) or (msgspec := library("msgspec.json")) is None:
        return pydantic_reader(kind)
    reader: Reader = msgspec.Decoder(kind, dec_hook=dec_hook).decode
    return reader


def pydantic_reader(kind: Any) -> Reader:
    """A function that reads JSON as *kind*, by pydantic."""
    reader: Reader = _adapter(
        kind,
        "which read JSON as a type, or give the client json_codec=JsonCodec(dumps, loads, loads_as)",
    ).validate_json
    return reader


# -- of the fields of a document ----------------------------------------------------------------


def typed_filler(kind: Any, dec_hook: Hook | None = None) -> Filler:
    """A function that makes a *kind* of fields, by the library that `typed_reader` takes.

    Raises the same errors.
    """
    if hasattr(kind, "model_validate") or is_of_pydantic(kind):
        return pydantic_filler(kind)
    msgspec = library("msgspec")
    if msgspec is None:
        return pydantic_filler(kind)
    # For its errors about types that it does not know; the one of JSON refuses more than `convert`.
    msgspec.msgpack.Decoder(kind, dec_hook=dec_hook)
    convert = msgspec.convert

    def fill(fields: dict[str, Any]) -> Any:
        return convert(fields, kind, strict=False, dec_hook=dec_hook)

    return fill


def pydantic_filler(kind: Any) -> Filler:
    """A function that makes a *kind* of fields, by pydantic."""
    validate: Filler | None = getattr(kind, "model_validate", None)
    if validate is not None:
        return validate  # without an import, because the model brings its library
    adapter = _adapter(kind, "which fill such classes, or give a function of the fields")
    filler: Filler = adapter.validate_python
    return filler


def pydantic_filler_if_any(kind: Any) -> Filler:
    """The same, or that of msgspec for a type that pydantic does not know, such as a Struct."""
    pydantic = library("pydantic")
    if pydantic is None:
        return typed_filler(kind)
    try:
        return pydantic_filler(kind)
    except pydantic.PydanticUserError:
        return typed_filler(kind)


def _adapter(kind: Any, purpose: str) -> Any:
    """What pydantic has for a type that is no model; *purpose* is in the error without pydantic."""
    pydantic = library("pydantic")
    if pydantic is None:
        raise DataTypeError(f"type= is {excerpt(kind)}: install msgspec or pydantic, {purpose}")
    return pydantic.TypeAdapter(kind)


# -- what a type says of itself -----------------------------------------------------------------


def is_of_pydantic(kind: Any) -> bool:
    """Whether *kind*, or a type within it, is a model or dataclass of pydantic."""
    return hasattr(kind, "__pydantic_validator__") or any(map(is_of_pydantic, get_args(kind)))


def describes_fields(kind: object) -> bool:
    """Whether a type describes its fields by annotations, so that a library can fill them."""
    return (
        any(hasattr(kind, name) for name in _DESCRIBED)
        or dataclasses.is_dataclass(kind)
        or is_typeddict(kind)
    )


_DESCRIBED: Final = (
    "model_validate",  # a model of pydantic
    "__struct_fields__",  # a Struct of msgspec
    "__attrs_attrs__",
    "__origin__",  # dict[str, int]
)


def bytes_fields(kind: object) -> frozenset[str]:
    """The attributes of a described type that are bytes, such as vectors."""
    if not describes_fields(kind) or not isinstance(kind, type):
        return frozenset()
    try:
        hints = get_type_hints(kind)
    except NameError:
        return frozenset()  # a name that exists for checkers only
    return frozenset(name for name, hint in hints.items() if bytes in (hint, *get_args(hint)))
