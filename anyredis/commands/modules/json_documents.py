"""JSON documents: written, read and deleted, whole or in part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

from anyredis.command import Command, command
from anyredis.commands.group import Group, choice, flags, only_one
from anyredis.commands.modules.json_codecs import codec_of
from anyredis.commands.modules.json_decoding import reader_for
from anyredis.commands.modules.json_encoding import encoded, with_text_keys
from anyredis.commands.modules.json_paths import ROOT, JsonPath, check_paths, gives_list
from anyredis.commands.modules.json_replies import length_reader, resp_reader, type_reader
from anyredis.commands.modules.typed_reads import typed_get, typed_mget
from anyredis.commands.several import SomeKeys, keys_of
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.json_codec import JsonCodec
from anyredis.replies import S, integer, ok, ok_or_none
from anyredis.wire.encode import Key, Value


class JsonGroup(Group[S]):
    """The base of groups of JSON commands."""

    @property
    def codec(self) -> JsonCodec:
        """The codec of the client."""
        return codec_of(self.read)


class JsonDocuments(JsonGroup[S]):
    """The commands that write, read and delete JSON."""

    @typed_get
    def get(
        self,
        key: Key,
        *paths: JsonPath,
        no_escape: bool = False,
        type: Any = None,
    ) -> Command[Any]:
        """The document at *key*, or what is at *paths* in it; None if there is no such key.

        Without a path it is the whole document; a JSONPath (`$.a`) gives a list with each match,
        a legacy path (`.a`) the value itself, and `ResponseError` if there is none. Several paths
        give a dict of them; all are lists if one of them is a JSONPath.

        With *type* all that is read is a value of that type, by msgspec or pydantic; a checker
        knows it. For one JSONPath it is the type of a list: `type=list[Address]`. Raises
        `ReplyDecodeError` if the document is none of that type, and `DataTypeError` if no library
        is installed that reads it. *no_escape* has no effect on what is read.
        JSON.GET key [NOESCAPE] [path …]. JSON 1.0. O(N).
        """
        check_paths("JSON.GET", paths)
        words: tuple[Value, ...] = (b"NOESCAPE",) if no_escape else ()
        reader = reader_for(self.codec, type)
        return Command((b"JSON.GET", key, *words, *(paths or (ROOT,))), reader.document, True)

    @typed_mget
    def mget(self, keys: SomeKeys, path: JsonPath, *, type: Any = None) -> Command[list[Any]]:
        """What is at *path* in the documents at *keys*, in their order.

        None for a key that does not exist, or that holds no JSON; for a legacy path also where
        there is no match. Of a JSONPath each is a list of matches. *type* is the type of each, as
        in `get`. In a cluster the keys may be in several slots: each node is asked for its own.
        JSON.MGET key [key …] path. JSON 1.0. O(N).
        """
        gives_list("JSON.MGET", path)
        reader = reader_for(self.codec, type)
        names = keys_of("JSON.MGET", keys)
        return Command((b"JSON.MGET", *names, path), reader.documents, True)

    @command
    def set(
        self,
        key: Key,
        path: JsonPath,
        value: object,
        *,
        nx: bool = False,
        xx: bool = False,
        decode_keys: bool = False,
        fpha: Literal["BF16", "FP16", "FP32", "FP64"] | None = None,
    ) -> Command[bool]:
        """True once *value* is at *path*; False if nothing was written.

        At a new *key* the path is the root, `$` or `.`. The last step of a path may be a new member
        of an object; if what it belongs to does not exist, nothing is written. *nx*: only if there
        is nothing at the path; *xx*: only if there is something. *decode_keys*: bytes as keys of
        dicts become text. *fpha*: the type in which arrays of numbers with a fraction are stored,
        Redis 8.8.

        Raises `DataError`, and sends nothing, if the client's codec cannot encode *value*; the
        message names the part that is at fault.
        JSON.SET key path value [NX|XX] [FPHA BF16|FP16|FP32|FP64]. JSON 1.0. O(M+N).
        """
        gives_list("JSON.SET", path)
        only_one("JSON.SET", nx=nx, xx=xx)
        words: tuple[Value, ...] = flags(nx=nx, xx=xx)
        if fpha is not None:
            words += (b"FPHA", choice("JSON.SET", "fpha", fpha, "BF16", "FP16", "FP32", "FP64"))
        text = self._encoded("JSON.SET", value, decode_keys=decode_keys)
        return Command((b"JSON.SET", key, path, text, *words), ok_or_none)

    @command
    def mset(self, triplets: Iterable[tuple[Key, JsonPath, object]]) -> Command[bool]:
        """True once all *triplets* of a key, a path and a value are written, as by `set`.

        A triplet whose path cannot be made is left out without a word, as the server does it. In a
        cluster the keys may be in several slots: each node gets its own, and if one fails,
        `PartialFailureError` says which; on one node all are written at once.
        JSON.MSET key path value [key path value …]. JSON 2.6. O(K*(M+N)).
        """
        words: list[Value] = []
        for index, (key, path, value) in enumerate(_triplets(triplets)):
            gives_list("JSON.MSET", path, f"triplets[{index}][1]")
            words += (key, path, encoded("JSON.MSET", f"triplets[{index}][2]", value, self.codec))
        if not words:
            raise DataValueError("JSON.MSET: triplets is empty: give at least one")
        return Command((b"JSON.MSET", *words), ok)

    @command
    def merge(
        self, key: Key, path: JsonPath, value: object, *, decode_keys: bool = False
    ) -> Command[bool]:
        """True once *value* is merged into what is at *path*; False if nothing was written.

        Members of an object are replaced or added, those whose new value is None are removed, and
        anything but an object replaces what was there (RFC 7396). Otherwise like `set`.
        JSON.MERGE key path value. JSON 2.6. O(M+N).
        """
        gives_list("JSON.MERGE", path)
        text = self._encoded("JSON.MERGE", value, decode_keys=decode_keys)
        return Command((b"JSON.MERGE", key, path, text), ok_or_none)

    @command
    def delete(self, key: Key, path: JsonPath = ROOT) -> Command[int]:
        """The number of values deleted, 0 if there is none at *path*.

        The root is the whole key.
        JSON.DEL key path. JSON 1.0. O(N).
        """
        gives_list("JSON.DEL", path)
        return Command((b"JSON.DEL", key, path), integer)

    @command
    def forget(self, key: Key, path: JsonPath = ROOT) -> Command[int]:
        """The same as `delete`.

        JSON.FORGET key path. JSON 1.0. O(N).
        """
        gives_list("JSON.FORGET", path)
        return Command((b"JSON.FORGET", key, path), integer)

    @command
    def clear(self, key: Key, path: JsonPath = ROOT) -> Command[int]:
        """The number of values at *path* that were emptied: arrays, objects, and numbers set to 0.

        Text, booleans, null and what is empty already stay, and don't count. `ResponseError` if
        there is no such key.
        JSON.CLEAR key path. JSON 2.0. O(N).
        """
        gives_list("JSON.CLEAR", path)
        return Command((b"JSON.CLEAR", key, path), integer)

    @command
    def type(self, key: Key, path: JsonPath = ROOT) -> Command[str | list[str] | None]:
        """The type of what is at *path*; a list of types for a JSONPath.

        `object`, `array`, `string`, `integer`, `number`, `boolean` or `null`. None if there is no
        such key, and for a legacy path if there is no match.
        JSON.TYPE key path. JSON 1.0. O(1).
        """
        read = type_reader(lists=gives_list("JSON.TYPE", path))
        return Command((b"JSON.TYPE", key, path), read)

    @command
    def resp(self, key: Key, path: JsonPath = ROOT) -> Command[Any]:
        """What is at *path* in the server's own types, a list of such for a JSONPath.

        An array is a list that begins with `[`, an object one that begins with `{`, then has names
        and values in turn. Text, `true` and `false` are text, and so are numbers with a fraction,
        in either protocol. None for null, and if there is no such key. `get` is what you want
        nearly always.
        JSON.RESP key path. JSON 1.0. O(N).
        """
        gives_list("JSON.RESP", path)
        return Command((b"JSON.RESP", key, path), resp_reader(self.read.kind))

    @command
    def debug(
        self, subcommand: Literal["MEMORY"], key: Key, path: JsonPath = ROOT
    ) -> Command[int | list[int | None] | None]:
        """The bytes that what is at *path* takes, a list for a JSONPath; 0 if there is no such key.

        *subcommand* is `"MEMORY"`.
        JSON.DEBUG MEMORY key path. JSON 1.0. O(N).
        """
        if not isinstance(subcommand, str) or subcommand.upper() != "MEMORY":
            msg = (
                f"JSON.DEBUG: subcommand is {excerpt(subcommand)}: give 'MEMORY'; "
                "execute_command('JSON.DEBUG', 'HELP') sends the other"
            )
            raise DataValueError(msg)
        read = length_reader(lists=gives_list("JSON.DEBUG", path))
        return Command((b"JSON.DEBUG", b"MEMORY", key, path), read)

    def _encoded(self, name: str, value: object, *, decode_keys: bool) -> bytes:
        return encoded(name, "value", with_text_keys(value) if decode_keys else value, self.codec)


def _triplets(given: object) -> list[tuple[Key, JsonPath, object]]:
    """*given* as a list of triplets; raises `DataTypeError` if it is none."""
    kind = type(given).__name__
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise DataTypeError(f"JSON.MSET: triplets is a {kind}: give a list of (key, path, value)")
    triplets = list(cast("Iterable[object]", given))
    for index, each in enumerate(triplets):
        if not _is_triplet(each):
            msg = f"JSON.MSET: triplets[{index}] is {excerpt(each)}: give (key, path, value)"
            raise DataTypeError(msg)
    return cast("list[tuple[Key, JsonPath, object]]", triplets)


def _is_triplet(value: object) -> bool:
    return isinstance(value, (tuple, list)) and len(cast("list[object]", value)) == 3
