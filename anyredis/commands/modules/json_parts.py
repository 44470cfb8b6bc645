"""Parts of JSON documents: arrays, objects, numbers, text and booleans, changed in place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import isfinite
from typing import Any

from anyredis.command import Command, command
from anyredis.commands.modules.json_decoding import reader_for
from anyredis.commands.modules.json_documents import JsonGroup
from anyredis.commands.modules.json_encoding import encoded
from anyredis.commands.modules.json_paths import ROOT, JsonPath, gives_list
from anyredis.commands.modules.json_replies import (
    length_reader,
    lists_or_nones,
    number_reader,
    toggled_reader,
)
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S
from anyredis.wire.encode import Key, Value


class JsonParts(JsonGroup[S]):
    """The commands on arrays, objects, numbers, text and booleans in a document.

    For a JSONPath (`$.a`) each gives a list with a result for each match, None for a match of
    another type.  For a legacy path (`.a`) it gives the result itself, and raises `ResponseError`
    if there is none.
    """

    # -- arrays ---------------------------------------------------------------------------------

    @command
    def arrappend(
        self, key: Key, path: JsonPath = ROOT, *values: object
    ) -> Command[int | list[int | None] | None]:
        """The length of the array after *values* were appended, each as one element.

        A list among them is one element.
        JSON.ARRAPPEND key path value [value …]. JSON 1.0. O(1).
        """
        return self._length("JSON.ARRAPPEND", key, path, *self._elements("JSON.ARRAPPEND", values))

    @command
    def arrindex(
        self,
        key: Key,
        path: JsonPath,
        value: object,
        start: int | None = None,
        stop: int | None = None,
    ) -> Command[int | list[int | None] | None]:
        """The index of the first element that is *value*, -1 if there is none.

        It is searched from *start* to *stop*, which is excluded; 0 means up to the end, and a
        negative one counts from the end.
        JSON.ARRINDEX key path value [start [stop]]. JSON 1.0. O(N).
        """
        if stop is not None and start is None:
            raise DataValueError("JSON.ARRINDEX: stop needs start: give start=0")
        bounds = tuple(each for each in (start, stop) if each is not None)
        text = encoded("JSON.ARRINDEX", "value", value, self.codec)
        return self._length("JSON.ARRINDEX", key, path, text, *bounds)

    @command
    def arrinsert(
        self, key: Key, path: JsonPath, index: int, *values: object
    ) -> Command[int | list[int | None] | None]:
        """The length of the array after *values* were inserted before *index*.

        A negative *index* counts from the end. `ResponseError` if it is outside of the array.
        JSON.ARRINSERT key path index value [value …]. JSON 1.0. O(N).
        """
        elements = self._elements("JSON.ARRINSERT", values)
        return self._length("JSON.ARRINSERT", key, path, index, *elements)

    @command
    def arrlen(self, key: Key, path: JsonPath = ROOT) -> Command[int | list[int | None] | None]:
        """The length of the array; None if there is no such key, for a legacy path.

        JSON.ARRLEN key path. JSON 1.0. O(1).
        """
        return self._length("JSON.ARRLEN", key, path)

    @command
    def arrpop(self, key: Key, path: JsonPath = ROOT, index: int = -1) -> Command[Any]:
        """The element removed from the array at *index*, by default the last one.

        It is decoded as the client's codec does it; None if the array is empty. A negative *index*
        counts from the end, and one outside of the array means its first or last element.
        JSON.ARRPOP key path index. JSON 1.0. O(N).
        """
        reader = reader_for(self.codec, None)
        lists = gives_list("JSON.ARRPOP", path)
        read = reader.documents if lists else reader.document
        return Command((b"JSON.ARRPOP", key, path, index), read, True)

    @command
    def arrtrim(
        self, key: Key, path: JsonPath, start: int, stop: int
    ) -> Command[int | list[int | None] | None]:
        """The length of the array after all but the elements from *start* to *stop* were removed.

        Both are included, and a negative one counts from the end.
        JSON.ARRTRIM key path start stop. JSON 1.0. O(N).
        """
        return self._length("JSON.ARRTRIM", key, path, start, stop)

    # -- objects --------------------------------------------------------------------------------

    @command
    def objkeys(
        self, key: Key, path: JsonPath = ROOT
    ) -> Command[list[S] | list[list[S] | None] | None]:
        """The names of the members of the object.

        For a legacy path None if there is no such key or no match.
        JSON.OBJKEYS key path. JSON 1.0. O(N).
        """
        lists = gives_list("JSON.OBJKEYS", path)
        read = partial(lists_or_nones, self.read.texts) if lists else self.read.texts_or_none
        return Command((b"JSON.OBJKEYS", key, path), read)

    @command
    def objlen(self, key: Key, path: JsonPath = ROOT) -> Command[int | list[int | None] | None]:
        """The number of members of the object.

        For a legacy path None if there is no such key or no match.
        JSON.OBJLEN key path. JSON 1.0. O(1).
        """
        return self._length("JSON.OBJLEN", key, path)

    # -- numbers --------------------------------------------------------------------------------

    @command
    def numincrby(
        self, key: Key, path: JsonPath, value: float
    ) -> Command[int | float | list[int | float | None]]:
        """The number after *value* was added to it; the last one, if a legacy path has several.

        JSON.NUMINCRBY key path value. JSON 1.0. O(1).
        """
        return _number("JSON.NUMINCRBY", key, path, value)

    @command
    def nummultby(
        self, key: Key, path: JsonPath, value: float
    ) -> Command[int | float | list[int | float | None]]:
        """The number after it was multiplied by *value*; the last one, if a legacy path has several.

        JSON.NUMMULTBY key path value. JSON 1.0. O(1).
        """
        return _number("JSON.NUMMULTBY", key, path, value)

    @command
    def numpowby(
        self, key: Key, path: JsonPath, value: float
    ) -> Command[int | float | list[int | float | None]]:
        """The number after it was raised to the power *value*.

        JSON.NUMPOWBY key path value. JSON 1.0. O(1).
        """
        return _number("JSON.NUMPOWBY", key, path, value)

    # -- text and booleans ----------------------------------------------------------------------

    @command
    def strappend(
        self, key: Key, value: str, path: JsonPath = ROOT
    ) -> Command[int | list[int | None] | None]:
        """The length of the text after *value* was appended to it, in bytes of UTF-8.

        JSON.STRAPPEND key path value. JSON 1.0. O(1).
        """
        if not isinstance(value, str):
            kind = type(value).__name__
            raise DataTypeError(f"JSON.STRAPPEND: value is {excerpt(value)} ({kind}): give a str")
        text = encoded("JSON.STRAPPEND", "value", value, self.codec)
        return self._length("JSON.STRAPPEND", key, path, text)

    @command
    def strlen(
        self, key: Key, path: JsonPath | None = None
    ) -> Command[int | list[int | None] | None]:
        """The length of the text, in bytes of UTF-8; without a *path* the document is text.

        For a legacy path None if there is no such key or no match.
        JSON.STRLEN key [path]. JSON 1.0. O(1).
        """
        if path is None:
            return Command((b"JSON.STRLEN", key), length_reader(lists=False))
        return self._length("JSON.STRLEN", key, path)

    @command
    def toggle(self, key: Key, path: JsonPath = ROOT) -> Command[bool | list[bool | None]]:
        """The new value of a boolean: False if it was True, and True if it was False.

        JSON.TOGGLE key path. JSON 2.0. O(1).
        """
        read = toggled_reader(lists=gives_list("JSON.TOGGLE", path))
        return Command((b"JSON.TOGGLE", key, path), read)

    # -- the words of several commands ----------------------------------------------------------

    def _length(
        self, name: str, key: Key, path: JsonPath, *others: Value
    ) -> Command[int | list[int | None] | None]:
        """The command *name* whose reply is a length or an index."""
        read = length_reader(lists=gives_list(name, path))
        return Command((name.encode(), key, path, *others), read)

    def _elements(self, name: str, values: Iterable[object]) -> tuple[bytes, ...]:
        """The JSON texts of *values*; raises `DataError` if there is none."""
        codec = self.codec
        texts = tuple(
            encoded(name, f"values[{index}]", each, codec) for index, each in enumerate(values)
        )
        if not texts:
            raise DataValueError(f"{name}: values is empty: give at least one")
        return texts


def _number(
    name: str, key: Key, path: JsonPath, value: float
) -> Command[int | float | list[int | float | None]]:
    """The command *name* whose reply is a number."""
    if not isfinite(value):
        raise DataValueError(f"{name}: value is {value}: JSON has no infinity: give a number")
    read = number_reader(lists=gives_list(name, path))
    return Command((name.encode(), key, path, value), read, True)
