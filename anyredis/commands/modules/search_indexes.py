"""Indexes of the search module: made, changed, told about; their aliases and settings.

Law: an index is named by the first argument of a command.  Its schema is checked before anything is
sent: the server reads some mistakes as names of further fields.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Literal, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.checks import number
from anyredis.commands.group import SECOND, Group, Seconds, choice, duration, flags
from anyredis.commands.modules.search_fields import SearchField
from anyredis.commands.modules.search_report import IndexReader, SearchIndexInfo
from anyredis.commands.several import SomeKeys, all_keys, any_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import S, ok, record, word_or_none
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

SomeFields: TypeAlias = SearchField | Collection[SearchField]
"""One field, or several in the order of the schema."""

_NO_SCHEMA: Final = (str, bytes, bytearray, memoryview, Mapping, AbstractSet)


class SearchIndexes(Group[S]):
    """The commands on indexes, and on what belongs to them."""

    @command
    def create(
        self,
        index: Key,
        fields: SomeFields,
        *,
        on: Literal["HASH", "JSON"] | None = None,
        prefix: SomeKeys | None = None,
        filter: Key | None = None,
        language: Key | None = None,
        language_field: Key | None = None,
        score: float | None = None,
        score_field: Key | None = None,
        payload_field: Key | None = None,
        maxtextfields: bool = False,
        temporary: Seconds | None = None,
        nooffsets: bool = False,
        nohl: bool = False,
        nofields: bool = False,
        nofreqs: bool = False,
        stopwords: SomeKeys | None = None,
        skipinitialscan: bool = False,
        indexall: bool = False,
    ) -> Command[bool]:
        """True once *index* exists, with *fields*; documents are added to it in the background.

        *fields* are `TextField`, `TagField`, `NumericField`, `GeoField`, `GeoShapeField` and
        `VectorField` of `anyredis.search`.

        Documents are hashes, or JSON with *on* `"JSON"`, whose keys begin with *prefix* (one or
        several; otherwise all) and for which *filter* is true, such as `"@stock > 0"`.  *language*
        is that of their words, unless *language_field* names it; *score* (0 to 1) and *score_field*
        weigh a document; *payload_field* has bytes for a scorer.

        *stopwords* are the words that are not indexed, none if empty; without it the server's own.
        *temporary* drops the index, and its documents with it, after so many seconds without a
        search or a new document.  *maxtextfields* leaves room for more than 32 text fields.  Smaller indexes: *nooffsets* (no exact phrases, no
        highlighting), *nohl* (no highlighting), *nofields* (no search in some fields), *nofreqs*
        (no scores by frequency).  *skipinitialscan* adds only documents that are written later.
        *indexall* keeps a list of all documents (Redis 8).

        Raises `ResponseError` if the index exists.
        FT.CREATE index [ON HASH | JSON] [PREFIX n prefix …] [FILTER …] SCHEMA field …. Search 1.0.
        O(N).
        """
        kind = () if on is None else (b"ON", choice("FT.CREATE", "on", on, "HASH", "JSON"))
        words = (
            *kind,
            *_counted(b"PREFIX", _prefixes(prefix)),
            *_named(b"FILTER", filter),
            *_named(b"LANGUAGE", language),
            *_named(b"LANGUAGE_FIELD", language_field),
            *_score(score),
            *_named(b"SCORE_FIELD", score_field),
            *_named(b"PAYLOAD_FIELD", payload_field),
            *flags(maxtextfields=maxtextfields),
            *_temporary(temporary),
            *flags(nooffsets=nooffsets, nohl=nohl, nofields=nofields, nofreqs=nofreqs),
            *_counted(b"STOPWORDS", _stopwords(stopwords)),
            *flags(skipinitialscan=skipinitialscan),
            *((b"INDEXALL", b"ENABLE") if indexall else ()),
        )
        schema = _schema("FT.CREATE", fields, paths=on is not None)
        return Command((b"FT.CREATE", index, *words, b"SCHEMA", *schema), ok)

    @command
    def alter(
        self, index: Key, fields: SomeFields, *, skipinitialscan: bool = False
    ) -> Command[bool]:
        """True once *index* has *fields* too; documents are read again in the background.

        With *skipinitialscan* only documents that are written later have them.
        FT.ALTER index [SKIPINITIALSCAN] SCHEMA ADD field …. Search 1.0. O(N).
        """
        words = (*flags(skipinitialscan=skipinitialscan), b"SCHEMA", b"ADD")
        return Command((b"FT.ALTER", index, *words, *_schema("FT.ALTER", fields)), ok)

    @command
    def dropindex(self, index: Key, *, dd: bool = False) -> Command[bool]:
        """True once *index* is gone, and with *dd* its documents too.

        Raises `ResponseError` if there is no such index.
        FT.DROPINDEX index [DD]. Search 2.0. O(1).
        """
        return Command((b"FT.DROPINDEX", index, *flags(dd=dd)), ok)

    @command
    def info(self, index: Key) -> Command[SearchIndexInfo[S]]:
        """The schema, the size and the state of *index*.

        Raises `ResponseError` if there is no such index.
        FT.INFO index. Search 1.0. O(1).
        """
        return Command((b"FT.INFO", index), self._info)

    @command
    def list(self) -> Command[builtins.list[S]]:
        """The names of all indexes, in no order; in a cluster those of all its primaries.

        FT._LIST. Search 2.0. O(1).
        """
        return Command((b"FT._LIST",), self.read.texts)

    @command
    def tagvals(self, index: Key, field: Key) -> Command[builtins.list[S]]:
        """The values that the tag field *field* has in the documents of *index*.

        They are in lower case, unless the field is case-sensitive.  Raises `ResponseError` if it is
        no tag field.
        FT.TAGVALS index field. Search 1.0. O(N).
        """
        return Command((b"FT.TAGVALS", index, field), self.read.texts)

    # -- aliases --------------------------------------------------------------------------------

    @command
    def aliasadd(self, alias: Key, index: Key) -> Command[bool]:
        """True once *alias* is another name of *index*.

        Raises `ResponseError` if the alias exists.  In a cluster whose search module has no
        coordinator, both names are in one slot.
        FT.ALIASADD alias index. Search 1.0. O(1).
        """
        return Command((b"FT.ALIASADD", alias, index), ok)

    @command
    def aliasdel(self, alias: Key) -> Command[bool]:
        """True once *alias* names no index.

        Raises `ResponseError` if it does not exist.
        FT.ALIASDEL alias. Search 1.0. O(1).
        """
        return Command((b"FT.ALIASDEL", alias), ok)

    @command
    def aliaslist(self, index: Key) -> Command[set[S]]:
        """The aliases of *index*, which is no alias itself.

        FT.ALIASLIST index. Search 8.10. O(N).
        """
        return Command((b"FT.ALIASLIST", index), self.read.text_set)

    @command
    def aliasupdate(self, alias: Key, index: Key) -> Command[bool]:
        """True once *alias* names *index*, and no other index any more.

        FT.ALIASUPDATE alias index. Search 1.0. O(1).
        """
        return Command((b"FT.ALIASUPDATE", alias, index), ok)

    # -- settings -------------------------------------------------------------------------------

    @command
    def config_get(self, option: Key) -> Command[dict[str, str | None]]:
        """The settings of the module that *option* names, all of them for `"*"`; empty if none.

        Deprecated since Redis 8: write `client.config_get("search-*")`, which has them as
        `search-min-prefix` and the like.
        FT.CONFIG GET option. Search 1.0. O(N).
        """
        return Command((b"FT.CONFIG", b"GET", option), _settings)

    @command
    def config_set(self, option: Key, value: Value) -> Command[bool]:
        """True once the setting *option* of the module is *value*, until the server restarts.

        Deprecated since Redis 8: write `client.config_set("search-min-prefix", 2)`.  Raises
        `ResponseError` if there is no such setting, or it is only set when the module loads.
        FT.CONFIG SET option value. Search 1.0. O(1).
        """
        return Command((b"FT.CONFIG", b"SET", option, value), ok)

    # -- replies --------------------------------------------------------------------------------

    def _info(self, reply: Reply) -> SearchIndexInfo[S]:
        return IndexReader(self.read).info(reply)


# -- words --------------------------------------------------------------------------------------


def _schema(command: str, given: object, *, paths: bool = True) -> tuple[Value, ...]:
    """The words for all fields; raises `DataError` unless each has a name of its own.

    Unless *paths* are expected, a JSON path is refused: in an index of hashes it finds nothing.
    """
    words: list[Value] = []
    names = set[bytes]()
    for position, field in enumerate(_fields(command, given)):
        if not isinstance(field, SearchField):
            raise _no_field(command, f"fields[{position}]", field)
        if not paths and _bytes_of(field.name).startswith((b"$.", b"$[")):
            raise DataValueError(
                f"{command}: {excerpt(field.name, 40)} is a JSON path: give on='JSON', or on='HASH' "
                "for hashes that have a field of that name"
            )
        name = _bytes_of(field.attribute)
        if name in names:
            raise DataValueError(
                f"{command}: fields has {excerpt(field.attribute, 40)} twice: give as_name= to one"
            )
        names.add(name)
        words += field.words
    if not words:
        raise DataValueError(f"{command}: fields is empty: give at least one")
    return tuple(words)


def _fields(command: str, given: object) -> Collection[object]:
    if isinstance(given, SearchField):
        return (given,)
    if not _are_several(given):
        raise _no_field(command, "fields", given)
    return cast("Collection[object]", given)


def _are_several(given: object) -> bool:
    return isinstance(given, Collection) and not isinstance(given, _NO_SCHEMA)


def _bytes_of(name: Key) -> bytes:
    return name.encode("utf-8", "surrogatepass") if isinstance(name, str) else bytes(name)


def _no_field(command: str, argument: str, given: object) -> DataTypeError:
    return DataTypeError(
        f"{command}: {argument} is a {type(given).__module__}.{type(given).__qualname__}: give "
        "fields of anyredis.search: TextField, TagField, NumericField, VectorField …"
    )


def _named(option: bytes, value: Key | None) -> tuple[Value, ...]:
    return () if value is None else (option, value)


def _counted(option: bytes, values: tuple[Value, ...] | None) -> tuple[Value, ...]:
    return () if values is None else (option, len(values), *values)


def _prefixes(prefix: SomeKeys | None) -> tuple[Value, ...] | None:
    return None if prefix is None else all_keys("FT.CREATE", "prefix", (prefix,))


def _stopwords(stopwords: SomeKeys | None) -> tuple[Value, ...] | None:
    """The stop words; an empty collection is no stop word at all, None the server's own."""
    return None if stopwords is None else any_values("FT.CREATE", "stopwords", stopwords)


def _score(score: float | None) -> tuple[Value, ...]:
    if score is None:
        return ()
    number("FT.CREATE: score", score)
    if not 0 <= score <= 1:
        raise DataValueError(f"FT.CREATE: score is {score}: give a number from 0 to 1")
    return (b"SCORE", score)


def _temporary(temporary: Seconds | None) -> tuple[Value, ...]:
    if temporary is None:
        return ()
    seconds = duration(temporary, SECOND)
    if seconds < 1:
        raise DataValueError(f"FT.CREATE: temporary is {seconds}: give a second or more")
    return (b"TEMPORARY", seconds)


def _settings(reply: Reply) -> dict[str, str | None]:
    return {name: word_or_none(value) for name, value in record(reply).items()}
