"""Streams of the Redis in memory: adding, trimming, ranges, and XREAD.

Law: each command is a function of one database and its arguments.  XREAD gives `NOTHING` if it has
to wait; `Memory` runs it again after each command, with the ids that `$` stood for when it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.known_command import (
    WHOLE,
    CommandTable,
    KnownCommand,
    exactly,
    syntax_error,
    unknown_option,
    whole,
    wrong_count,
)
from anyredis.testing.resp import NOTHING, Answer, ByKey
from anyredis.testing.stream_data import (
    LARGEST,
    ZERO,
    Fields,
    StreamData,
    StreamID,
    read_bound,
    read_id,
)

NOT_ABOVE_ZERO = "ERR The ID specified in XADD must be greater than 0-0"
TOO_SMALL = "ERR The ID specified in XADD is equal or smaller than the target stream top item"


def entry_answer(key: StreamID, fields: Fields) -> Answer:
    """One entry, as XRANGE and XREAD give it."""
    return [key.encoded(), list(fields)]


# -- adding and trimming ----------------------------------------------------------------------------


class Trimming(NamedTuple):
    """The entries that XADD and XTRIM delete: up to a length, or below an id."""

    by_length: bool
    threshold: bytes
    approximate: bool
    limit: int | None

    def apply(self, stream: StreamData) -> int:
        """The number of entries deleted."""
        if self.by_length:
            excess = max(0, len(stream.entries) - int(self.threshold))
            unwanted = list(stream.entries)[:excess]
        else:
            least = read_id(self.threshold)
            unwanted = [key for key in stream.entries if key < least]
        return stream.trim(unwanted, approximate=self.approximate, limit=self.limit)


def _read_trimming(rest: list[bytes]) -> Trimming:
    """MAXLEN or MINID with its operator, threshold and LIMIT, taken from the front of *rest*."""
    by_length = rest.pop(0).upper() == b"MAXLEN"
    approximate = rest[:1] == [b"~"]
    if rest[:1] in ([b"~"], [b"="]):
        del rest[0]
    if not rest:
        raise syntax_error()
    threshold, limit = rest.pop(0), None
    if by_length:
        if whole(threshold) < 0:
            raise from_server("ERR The MAXLEN argument must be >= 0.")
    else:
        read_id(threshold)
    if rest[:1] and rest[0].upper() == b"LIMIT" and len(rest) > 1:
        limit = whole(rest[1])
        del rest[:2]
        if limit < 0:
            raise from_server("ERR The LIMIT argument must be >= 0.")
        if not approximate:
            raise from_server("ERR syntax error, LIMIT cannot be used without the special ~ option")
    return Trimming(by_length, threshold, approximate, limit)


def _new_id(database: Database, stream: StreamData, word: bytes) -> StreamID:
    now, last = StreamID(database.milliseconds(), 0), stream.last_id
    if word == b"*":
        return now if now > last else last.following()
    if word.endswith(b"-*"):
        milliseconds = read_id(word[:-2] + b"-0").milliseconds
        same = milliseconds == last.milliseconds and last != ZERO
        if same and last.sequence == LARGEST:
            raise from_server(TOO_SMALL)
        sequence = last.sequence + 1 if same else int(not milliseconds)
        found = StreamID(milliseconds, sequence)
    else:
        found = read_id(word)
    if found <= last:
        raise from_server(TOO_SMALL)
    return found


def _adding_options(rest: list[bytes]) -> tuple[bool, Trimming | None]:
    """Whether XADD makes a stream, and what it trims; taken from the front of *rest*."""
    create, trimming = True, None
    while rest:
        option = rest[0].upper()
        if option == b"NOMKSTREAM":
            create = False
            del rest[0]
        elif option in {b"MAXLEN", b"MINID"}:
            if trimming is not None:
                raise syntax_error()
            trimming = _read_trimming(rest)
        elif option in {b"KEEPREF", b"DELREF", b"ACKED", b"IDMP", b"IDMPAUTO"}:
            raise unknown_option("XADD", option)
        else:
            break
    return create, trimming


def _xadd(database: Database, words: Words) -> Answer:
    key, *rest = words
    create, trimming = _adding_options(rest)
    word, fields = (rest[0], tuple(rest[1:])) if rest else (b"*", ())
    if word != b"*" and read_id(word.removesuffix(b"-*")) == ZERO and not word.endswith(b"-*"):
        raise from_server(NOT_ABOVE_ZERO)
    if not fields or len(fields) % 2:
        raise wrong_count(b"xadd")
    existing = database.stream_of(key)
    if existing is None and not create:
        return None
    stream = StreamData() if existing is None else existing.copy()
    found = _new_id(database, stream, word)
    stream.add(found, fields)
    if trimming is not None:
        trimming.apply(stream)
    database[key] = stream
    return found.encoded()


def _xtrim(database: Database, words: Words) -> Answer:
    key, *rest = words
    if rest[0].upper() not in {b"MAXLEN", b"MINID"}:
        raise syntax_error()
    trimming = _read_trimming(rest)
    if rest:
        raise unknown_option("XTRIM", rest[0])
    existing = database.stream_of(key)
    if existing is None:
        return 0
    stream = existing.copy()
    deleted = trimming.apply(stream)
    if deleted:
        database[key] = stream
    return deleted


def _xdel(database: Database, words: Words) -> Answer:
    existing = database.stream_of(words[0])
    if existing is None:
        return 0
    keys, stream = [read_id(word) for word in words[1:]], existing.copy()
    deleted = sum(map(stream.delete, keys))
    if deleted:
        database[words[0]] = stream
    return deleted


def _xsetid(database: Database, words: Words) -> Answer:
    key, word, *options = words
    if options:
        raise unknown_option("XSETID", options[0])
    last, existing = read_id(word), database.stream_of(key)
    if existing is None:
        raise from_server("ERR no such key")
    if existing.entries and last < max(existing.entries):
        raise from_server(
            "ERR The ID specified in XSETID is smaller than the target stream top item"
        )
    if last < existing.max_deleted:
        raise from_server(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
        )
    stream = existing.copy()
    stream.last_id = last
    database[key] = stream
    return "OK"


# -- ranges -----------------------------------------------------------------------------------------


def _xlen(database: Database, words: Words) -> Answer:
    stream = database.stream_of(words[0])
    return 0 if stream is None else len(stream.entries)


def _xrange(database: Database, words: Words, *, reverse: bool) -> Answer:
    key, one, other, *options = words
    start, end = (other, one) if reverse else (one, other)
    first, last = read_bound(start, end=False), read_bound(end, end=True)
    count = None
    while options:
        if options[0].upper() != b"COUNT" or len(options) < 2:
            raise syntax_error()
        count = max(0, whole(options[1]))
        del options[:2]
    stream = database.stream_of(key)
    if stream is None:
        return []
    if count == 0:
        return None
    found = list(stream.between(first, last, reverse=reverse))[:count]
    return [entry_answer(*item) for item in found]


# -- reading from several streams -------------------------------------------------------------------


class ReadOptions(NamedTuple):
    """The options of XREAD and XREADGROUP, and the streams with the ids behind them."""

    most: int | None
    """Entries of each stream; None: all."""
    block: int | None
    """Milliseconds; None: does not wait."""
    noack: bool
    streams: list[tuple[bytes, bytes]]


def read_options(words: Sequence[bytes], command: str) -> ReadOptions:
    """The options that *words* are."""
    rest, count, block, noack = list(words), None, None, False
    while rest and rest[0].upper() != b"STREAMS":
        option = rest.pop(0).upper()
        if option == b"NOACK" and command == "XREADGROUP":
            noack = True
        elif not rest:
            raise syntax_error()
        elif option == b"COUNT":
            count = max(0, whole(rest.pop(0)))
        elif option == b"BLOCK":
            block = _milliseconds(rest.pop(0))
        else:
            raise unknown_option(command, option)
    if len(rest) < 2:
        raise syntax_error()
    names = rest[1:]
    if len(names) % 2:
        raise from_server(
            f"ERR Unbalanced '{command.lower()}' list of streams: for each stream key an ID, '+', "
            "or '$' must be specified."
        )
    half = len(names) // 2
    return ReadOptions(count, block, noack, list(zip(names[:half], names[half:], strict=True)))


def _milliseconds(word: bytes) -> int:
    if not WHOLE.fullmatch(word):
        raise from_server("ERR timeout is not an integer or out of range")
    if int(word) < 0:
        raise from_server("ERR timeout is negative")
    return int(word)


def wait_of(words: Words, *, skip: int, command: str) -> float:
    """The seconds that XREAD or XREADGROUP may wait, 0 for ever."""
    return (read_options(words[skip:], command).block or 0) / 1000


def _after(database: Database, key: bytes, word: bytes) -> StreamID:
    """The id behind which XREAD reads *key*, if *word* is what it was given."""
    stream = database.stream_of(key)
    if word == b"$":
        return ZERO if stream is None else stream.last_id
    if word == b"+":
        if stream is None or not stream.entries:
            return ZERO if stream is None else stream.last_id
        newest = max(stream.entries)
        return newest.preceding()
    if word == b">":
        raise from_server(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP "
            "<group> <consumer> option."
        )
    return read_id(word)


def _settled(database: Database, words: Words) -> Words:
    """XREAD with ids in place of `$`, which mean the end of the stream at the call."""
    options = read_options(words, "XREAD")
    ids = [_after(database, key, word).encoded() for key, word in options.streams]
    return (*words[: len(words) - len(ids)], *ids)


def _xread(database: Database, words: Words) -> Answer:
    options = read_options(words, "XREAD")
    found: list[tuple[bytes, Answer]] = []
    for key, word in options.streams:
        after = _after(database, key, word)
        stream = database.stream_of(key)
        entries = [] if stream is None else stream.after(after, options.most)
        if entries:
            found.append((key, [entry_answer(*item) for item in entries]))
    if found:
        return ByKey(found)
    return None if options.block is None else NOTHING


STREAMS: Final[CommandTable] = {
    b"XADD": KnownCommand(_xadd, 4),
    b"XDEL": KnownCommand(_xdel, 2),
    b"XLEN": exactly(1, _xlen),
    b"XRANGE": KnownCommand(partial(_xrange, reverse=False), 3),
    b"XREAD": KnownCommand(
        _xread, 3, wait=partial(wait_of, skip=0, command="XREAD"), settled=_settled
    ),
    b"XREVRANGE": KnownCommand(partial(_xrange, reverse=True), 3),
    b"XSETID": KnownCommand(_xsetid, 2),
    b"XTRIM": KnownCommand(_xtrim, 3),
}
"""The commands on streams without groups, by name."""
