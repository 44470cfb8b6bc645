"""Documents as values of a user's type: pydantic models, msgspec's types, or what a function makes.

Law: the fields of a hash are texts, so a number in text becomes a number where the type wants one.
A JSON document under `$` is parsed first; other fields, such as a distance, stand beside its own.
A document that does not fit is a `ReplyDecodeError` that names it.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar, cast, get_args, get_type_hints, is_typeddict

from anyredis.commands.modules.search_json import parsed_json
from anyredis.exceptions import DataTypeError, ReplyDecodeError
from anyredis.excerpt import excerpt

T = TypeVar("T")

DocumentType: TypeAlias = type[T] | Callable[[dict[str, Any]], T]
"""A class of pydantic or msgspec, a dataclass, or a function of the fields."""


class Converter(Generic[T]):
    """Makes values of *kind* from the fields of documents."""

    def __init__(self, kind: DocumentType[T], dialect: int | None, encoding: str) -> None:
        self._make = _maker(kind)
        self._name = getattr(kind, "__name__", "value")
        self._bytes = _bytes_fields(kind)
        self._encoding = encoding
        self._lists = (dialect or 0) > 2
        """Whether the document under `$` is in a list: from dialect 3 on a path gives all matches."""

    def __call__(self, key: object, fields: Mapping[str, str], binary: Mapping[str, bytes]) -> T:
        """The value for the document at *key*; raises `ReplyDecodeError` if it does not fit."""
        source: dict[str, Any] = {**fields, **binary}
        if "$" in source:
            source = self._joined(key, source)
        for name in self._bytes & source.keys():
            if isinstance(source[name], str):
                source[name] = source[name].encode(self._encoding)  # they happened to be text
        try:
            return self._make(source)
        except Exception as error:
            # The command was run, and others in its pipeline are not concerned.
            msg = f"the document {excerpt(key, 80)} is no {self._name}: {excerpt(str(error), 300)}"
            raise ReplyDecodeError(msg) from error

    def _joined(self, key: object, source: dict[str, Any]) -> dict[str, Any]:
        """The parsed document with the other fields beside its own."""
        document: Any = parsed_json(source.pop("$"))
        if self._lists and isinstance(document, list):
            document = only_one_of(document)  # pyright: ignore[reportUnknownArgumentType] - of JSON
        if not isinstance(document, dict):
            msg = f"the document {excerpt(key, 80)} is no JSON object: {excerpt(document, 80)}"
            raise ReplyDecodeError(msg)
        return {**source, **cast("dict[str, Any]", document)}


def only_one_of(matches: list[Any]) -> Any:
    """The only one of *matches*, or all if there are more."""
    return matches[0] if len(matches) == 1 else matches


def converter(
    command: str, kind: DocumentType[T], dialect: int | None, encoding: str = "utf-8"
) -> Converter[T]:
    """A `Converter` to *kind*, of text that was read in *encoding*.

    Raises `DataTypeError` if nothing that is installed makes it.
    """
    if not callable(kind):
        raise DataTypeError(
            f"{command}: type is {excerpt(kind, 80)}: give a class, or a function of the fields"
        )
    if hasattr(kind, "_field_defaults"):
        raise DataTypeError(
            f"{command}: type is {excerpt(kind, 80)}, a named tuple, which msgspec fills by position: "
            "give a dataclass, or a function such as `lambda fields: Place(**fields)`"
        )
    return Converter(kind, dialect, encoding)


def _is_described(kind: object) -> bool:
    """Whether the type describes its fields by annotations, so that msgspec can fill them."""
    described = hasattr(kind, "__struct_fields__") or hasattr(kind, "__attrs_attrs__")
    return (
        described
        or dataclasses.is_dataclass(kind)
        or is_typeddict(kind)
        or hasattr(kind, "__origin__")  # dict[str, int]
    )


def _bytes_fields(kind: object) -> frozenset[str]:
    """The attributes of a described type that are bytes, such as vectors."""
    if not (_is_described(kind) or hasattr(kind, "model_validate")) or not isinstance(kind, type):
        return frozenset()
    try:
        hints = get_type_hints(kind)
    except NameError:
        return frozenset()  # a name that exists for checkers only
    return frozenset(name for name, hint in hints.items() if bytes in (hint, *get_args(hint)))


def _maker(kind: DocumentType[T]) -> Callable[[dict[str, Any]], T]:
    """The function that makes a value of *kind* from its fields."""
    validate = getattr(kind, "model_validate", None)
    if validate is not None:
        return cast("Callable[[dict[str, Any]], T]", validate)
    if not _is_described(kind):
        return cast("Callable[[dict[str, Any]], T]", kind)
    try:
        convert = importlib.import_module("msgspec").convert
    except ImportError:
        raise DataTypeError(
            f"type is {excerpt(kind, 80)}: install msgspec, which fills such classes, or give a "
            "function of the fields"
        ) from None
    return lambda source: cast("T", convert(source, kind, strict=False))
