"""Consumer groups of the Redis in memory: XREADGROUP, XGROUP, XINFO.

Law: each command is a function of one database and its arguments.  XREADGROUP gives `NOTHING` if it
has to wait; if its stream or group is deleted meanwhile, it gets the error NOGROUP.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.fake_stream_pending import no_group, shown, to_change
from anyredis.testing.fake_streams import entry_answer, read_options, wait_of
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    exactly,
    syntax_error,
    unknown_option,
    whole,
)
from anyredis.testing.resp import NOTHING, Answer, ByKey
from anyredis.testing.stream_data import (
    ConsumerGroup,
    Delivery,
    StreamData,
    StreamID,
    read_id,
)

# -- reading ----------------------------------------------------------------------------------------


def _new_entries(
    stream: StreamData, group: ConsumerGroup, consumer: bytes, count: int | None, *, now: int | None
) -> list[Answer]:
    """The entries that no consumer has got; *now*: they are pending from then on."""
    answer: list[Answer] = []
    for key, fields in stream.after(group.last_delivered, count):
        stream.deliver(group, key)
        if now is not None:
            group.pending[key] = Delivery(consumer, now)
        answer.append(entry_answer(key, fields))
    return answer


def _history(
    stream: StreamData,
    group: ConsumerGroup,
    consumer: bytes,
    after: StreamID,
    count: int | None,
    now: int,
) -> list[Answer]:
    """What is pending for *consumer* behind the id *after*: delivered once more."""
    own = [
        (key, pending)
        for key, pending in group.pending_in_order(after)
        if pending.consumer == consumer and key > after
    ]
    answer: list[Answer] = []
    for key, pending in own[: count or None]:
        if key not in stream.entries:
            answer.append([key.encoded(), None])
            continue
        group.pending[key] = Delivery(consumer, now, pending.deliveries + 1)
        answer.append(entry_answer(key, stream.entries[key]))
    return answer


def _xreadgroup(database: Database, words: Words) -> Answer:
    if words[0].upper() != b"GROUP":
        raise from_server("ERR Missing GROUP option for XREADGROUP")
    name, consumer = words[1:3]
    options = read_options(words[3:], "XREADGROUP")
    now, found = database.milliseconds(), list[tuple[bytes, Answer]]()
    for key, word in options.streams:
        stream = database.stream_of(key)
        if stream is None or name not in stream.groups:
            text = str(no_group(key, name))
            raise from_server(f"{text} in XREADGROUP with GROUP option")
        if word in {b"$", b"+"}:
            raise from_server(
                f"ERR The {shown(word)} ID is meaningless in the context of XREADGROUP"
            )
        if word != b">":
            read_id(word)
    for key, word in options.streams:
        stream, group = to_change(database, key, name)
        if word == b">":
            answer = _new_entries(
                stream, group, consumer, options.most, now=None if options.noack else now
            )
        else:
            answer = _history(stream, group, consumer, read_id(word), options.most, now)
        group.saw(consumer, now, active=bool(answer))
        database[key] = stream
        if answer or word != b">":
            found.append((key, answer))
    if found:
        return ByKey(found)
    return None if options.block is None else NOTHING


# -- groups -----------------------------------------------------------------------------------------


def _xgroup(database: Database, words: Words) -> Answer:
    subcommand, *rest = words
    create = subcommand.upper() == b"CREATE"
    makes_stream = create and b"MKSTREAM" in {word.upper() for word in rest[3:]}
    if database.stream_of(rest[0]) is None and not makes_stream:
        raise from_server(
            "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may "
            "want to use the MKSTREAM option to create an empty stream automatically."
        )
    return _XGROUP[subcommand.upper()].run(database, tuple(rest))


def _entries_read(options: list[bytes], command: str) -> int | None:
    """The value of ENTRIESREAD, if it is given."""
    read: int | None = None
    while options:
        option = options.pop(0).upper()
        if option == b"MKSTREAM" and command == "XGROUP CREATE":
            continue
        if option != b"ENTRIESREAD" or not options:
            raise syntax_error()
        number = whole(options.pop(0))
        if number < -1:
            raise from_server("ERR value for ENTRIESREAD must be positive or -1")
        read = None if number < 0 else number
    return read


def _create(database: Database, words: Words) -> Answer:
    key, name, word, *options = words
    read = _entries_read(options, "XGROUP CREATE")
    existing = database.stream_of(key)
    last = None if word == b"$" else read_id(word)
    stream = StreamData() if existing is None else existing.copy()
    if name in stream.groups:
        raise from_server("BUSYGROUP Consumer Group name already exists")
    stream.groups[name] = ConsumerGroup(stream.last_id if last is None else last, read)
    database[key] = stream
    return "OK"


def _setid(database: Database, words: Words) -> Answer:
    key, name, word, *options = words
    stream, group = to_change(database, key, name)
    read = _entries_read(options, "XGROUP SETID")
    group.last_delivered = stream.last_id if word == b"$" else read_id(word)
    group.entries_read = read
    database[key] = stream
    return "OK"


def _destroy(database: Database, words: Words) -> Answer:
    stream = database.stream_of(words[0])
    if stream is None or words[1] not in stream.groups:
        return 0
    stream = stream.copy()
    del stream.groups[words[1]]
    database[words[0]] = stream
    return 1


def _createconsumer(database: Database, words: Words) -> Answer:
    key, name, consumer = words
    stream, group = to_change(database, key, name)
    if consumer in group.consumers:
        return 0
    group.saw(consumer, database.milliseconds())
    database[key] = stream
    return 1


def _delconsumer(database: Database, words: Words) -> Answer:
    key, name, consumer = words
    stream, group = to_change(database, key, name)
    own = [each for each, pending in group.pending.items() if pending.consumer == consumer]
    for each in own:
        del group.pending[each]
    group.consumers.pop(consumer, None)
    database[key] = stream
    return len(own)


_XGROUP: Final[CommandTable] = {
    b"CREATE": KnownCommand(_create, 3, 6),
    b"CREATECONSUMER": exactly(3, _createconsumer),
    b"DELCONSUMER": exactly(3, _delconsumer),
    b"DESTROY": exactly(2, _destroy),
    b"SETID": KnownCommand(_setid, 3, 5),
}


# -- reports ----------------------------------------------------------------------------------------


def _xinfo(database: Database, words: Words) -> Answer:
    subcommand, *rest = words
    if database.stream_of(rest[0]) is None:
        raise from_server("ERR no such key")
    return _XINFO[subcommand.upper()].run(database, tuple(rest))


def _stream_of(database: Database, key: bytes) -> StreamData:
    stream = database.stream_of(key)
    assert stream is not None  # noqa: S101 - `_xinfo` has refused a missing one
    return stream


def _info_stream(database: Database, words: Words) -> Answer:
    key, *options = words
    if options:
        raise unknown_option("XINFO STREAM", options[0])
    stream = _stream_of(database, key)
    items = list(stream.entries.items())
    nodes = -(-len(items) // 100)
    return {
        b"length": len(items),
        b"radix-tree-keys": nodes,
        b"radix-tree-nodes": nodes + 1,
        b"last-generated-id": stream.last_id.encoded(),
        b"max-deleted-entry-id": stream.max_deleted.encoded(),
        b"entries-added": stream.added,
        b"recorded-first-entry-id": stream.first_id.encoded(),
        b"groups": len(stream.groups),
        b"first-entry": entry_answer(*items[0]) if items else None,
        b"last-entry": entry_answer(*items[-1]) if items else None,
    }


def _info_groups(database: Database, words: Words) -> Answer:
    stream = _stream_of(database, words[0])
    return [
        {
            b"name": name,
            b"consumers": len(group.consumers),
            b"pending": len(group.pending),
            b"last-delivered-id": group.last_delivered.encoded(),
            b"entries-read": group.entries_read,
            b"lag": stream.lag_of(group),
        }
        for name, group in sorted(stream.groups.items())
    ]


def _info_consumers(database: Database, words: Words) -> Answer:
    key, name = words
    group = _stream_of(database, key).groups.get(name)
    if group is None:
        raise from_server(f"NOGROUP No such consumer group '{shown(name)}' for key '{shown(key)}'")
    now = database.milliseconds()
    owners = [pending.consumer for pending in group.pending.values()]
    return [
        {
            b"name": each,
            b"pending": owners.count(each),
            b"idle": max(0, now - times.seen),
            b"inactive": -1 if times.active is None else max(0, now - times.active),
        }
        for each, times in sorted(group.consumers.items())
    ]


_XINFO: Final[CommandTable] = {
    b"CONSUMERS": exactly(2, _info_consumers),
    b"GROUPS": exactly(1, _info_groups),
    b"STREAM": KnownCommand(_info_stream, 1),
}

STREAM_GROUPS: Final[CommandTable] = {
    b"XGROUP": KnownCommand(_xgroup, 1, subcommands=_XGROUP),
    b"XINFO": KnownCommand(_xinfo, 1, subcommands=_XINFO),
    b"XREADGROUP": KnownCommand(
        _xreadgroup, 6, wait=partial(wait_of, skip=3, command="XREADGROUP")
    ),
}
"""The commands on consumer groups, and reports, by name."""
