"""Documents as values of a user's type: pydantic models, msgspec's types, or what a function makes.

Law: the fields of a hash are texts, so a number in text becomes a number where the type wants one.
A JSON document under `$` is parsed by the codec of the client; other fields, such as a distance,
stand beside its own.  A document that does not fit is a `ReplyDecodeError` that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar, cast

from anyredis.commands.modules.json_codecs import STANDARD
from anyredis.commands.modules.search_json import parsed_json
from anyredis.commands.modules.typed_values import (
    CACHED,
    Filler,
    bytes_fields,
    describes_fields,
    for_type,
    typed_filler,
)
from anyredis.exceptions import DataTypeError, ReplyDecodeError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec

T = TypeVar("T")

DocumentType: TypeAlias = type[T] | Callable[[dict[str, Any]], T]
"""A class of pydantic or msgspec, a dataclass, or a function of the fields."""


class Converter(Generic[T]):
    """Makes values of *kind* from the fields of documents."""

    def __init__(
        self, kind: DocumentType[T], dialect: int | None, encoding: str, codec: JsonCodec
    ) -> None:
        self._fill, self._bytes = _filling(kind, codec)
        self._name = getattr(kind, "__name__", "value")
        self._codec = codec
        self._encoding = encoding
        self._lists = (dialect or 0) > 2
        """Whether the document under `$` is in a list: from dialect 3 on a path gives all matches."""

    def __call__(self, key: object, fields: Mapping[str, str], binary: Mapping[str, bytes]) -> T:
        """The value for the document at *key*; raises `ReplyDecodeError` if it does not fit."""
        source: dict[str, Any] = {**fields, **binary}
        text = source.pop("$", None)
        for name in self._bytes & source.keys():
            if isinstance(source[name], str):
                source[name] = source[name].encode(self._encoding)  # they happened to be text
        if text is not None:
            source |= self._document(key, text)
        try:
            return cast("T", self._fill(source))
        except Exception as error:
            # The command was run, and others in its pipeline are not concerned.
            msg = f"the document {excerpt(key, 80)} is no {self._name}: {excerpt(str(error), 300)}"
            raise ReplyDecodeError(msg) from error

    def _document(self, key: object, text: str | bytes) -> Mapping[str, Any]:
        """The parsed document."""
        document: Any = parsed_json(self._codec, key, text, (self._encoding, "strict"))
        if self._lists and isinstance(document, list):
            document = only_one_of(document)  # pyright: ignore[reportUnknownArgumentType] - of JSON
        if not isinstance(document, Mapping):
            msg = f"the document {excerpt(key, 80)} is no JSON object: {excerpt(document, 80)}"
            raise ReplyDecodeError(msg)
        return cast("Mapping[str, Any]", document)


def only_one_of(matches: list[Any]) -> Any:
    """The only one of *matches*, or all if there are more."""
    return matches[0] if len(matches) == 1 else matches


def converter(
    command: str,
    kind: DocumentType[T],
    dialect: int | None,
    encoding: str = "utf-8",
    codec: JsonCodec = STANDARD,
) -> Converter[T]:
    """A `Converter` to *kind*, of text that was read in *encoding*, and of JSON for *codec*.

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
    return Converter(kind, dialect, encoding, codec)


def _filling(kind: Any, codec: JsonCodec) -> tuple[Filler, frozenset[str]]:
    """The function that makes a *kind* of its fields, and the names of those that are bytes."""
    if describes_fields(kind):
        return for_type(_library_filling, codec, kind)
    return kind, frozenset()  # kept by nobody: it may be made anew for each call


@lru_cache(CACHED)
def _library_filling(codec: JsonCodec, kind: Any) -> tuple[Filler, frozenset[str]]:
    return (codec.convert_as or typed_filler)(kind), bytes_fields(kind)
