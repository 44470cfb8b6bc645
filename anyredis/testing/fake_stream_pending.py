"""Pending entries of the Redis in memory: acknowledging, claiming, and what is left to do.

Law: each command is a function of one database and its arguments.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from anyredis.exceptions import RedisError, from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.fake_streams import entry_answer
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    syntax_error,
    unknown_option,
    whole,
)
from anyredis.testing.resp import Answer
from anyredis.testing.stream_data import (
    ConsumerGroup,
    Delivery,
    StreamData,
    StreamID,
    read_bound,
    read_id,
)


def shown(word: bytes) -> str:
    """*word* in a message."""
    return word.decode(errors="replace")


def no_group(key: bytes, group: bytes) -> RedisError:
    """The error for a stream or a group that is not there."""
    return from_server(f"NOGROUP No such key '{shown(key)}' or consumer group '{shown(group)}'")


def to_change(database: Database, key: bytes, name: bytes) -> tuple[StreamData, ConsumerGroup]:
    """A copy of the stream at *key*, and its group *name*; raises NOGROUP without them."""
    existing = database.stream_of(key)
    if existing is None or name not in existing.groups:
        raise no_group(key, name)
    stream = existing.copy()
    return stream, stream.groups[name]


def _xack(database: Database, words: Words) -> Answer:
    key, name, *ids = words
    existing = database.stream_of(key)
    wanted = [read_id(word) for word in ids] if existing and name in existing.groups else []
    if existing is None or name not in existing.groups:
        return 0
    stream, group = to_change(database, key, name)
    count = sum(group.pending.pop(each, None) is not None for each in wanted)
    if count:
        database[key] = stream
    return count


def _xpending(database: Database, words: Words) -> Answer:
    key, name, *rest = words
    idle, consumer = 0, None
    if rest and rest[0].upper() == b"IDLE":
        if len(rest) < 5:
            raise syntax_error()
        idle = whole(rest[1])
        del rest[:2]
    if rest and not 3 <= len(rest) <= 4:
        raise syntax_error()
    bounds = None
    if rest:
        count = max(0, whole(rest[2]))
        bounds = read_bound(rest[0], end=False), read_bound(rest[1], end=True), count
        consumer = rest[3] if len(rest) > 3 else None
    stream = database.stream_of(key)
    if stream is None or name not in stream.groups:
        raise no_group(key, name)
    group = stream.groups[name]
    if bounds is None:
        return _pending_summary(group)
    now, answer = database.milliseconds(), list[Answer]()
    for entry, pending in group.pending_in_order(*bounds[:2]):
        since = max(0, now - pending.delivered)
        if since >= idle and consumer in {None, pending.consumer}:
            answer.append([entry.encoded(), pending.consumer, since, pending.deliveries])
    return answer[: bounds[2]]


def _pending_summary(group: ConsumerGroup) -> Answer:
    """The number of pending entries, the smallest and largest id, and the number by consumer."""
    if not group.pending:
        return [0, None, None, None]
    counts: dict[bytes, int] = {}
    for pending in group.pending.values():
        counts[pending.consumer] = counts.get(pending.consumer, 0) + 1
    by_consumer: list[Answer] = [[each, b"%d" % counts[each]] for each in sorted(counts)]
    ids = sorted(group.pending)
    return [len(ids), ids[0].encoded(), ids[-1].encoded(), by_consumer]


class ClaimOptions(NamedTuple):
    """The options of XCLAIM behind the ids."""

    delivered: int
    retry_count: int | None = None
    force: bool = False
    just_id: bool = False
    last_id: StreamID | None = None


def _claim_options(rest: list[bytes], now: int) -> ClaimOptions:
    options = ClaimOptions(now)
    while rest:
        option = rest.pop(0).upper()
        if option == b"FORCE":
            options = options._replace(force=True)
        elif option == b"JUSTID":
            options = options._replace(just_id=True)
        elif option not in {b"IDLE", b"TIME", b"RETRYCOUNT", b"LASTID"}:
            raise unknown_option("XCLAIM", option)
        elif not rest:
            raise syntax_error()
        elif option == b"LASTID":
            options = options._replace(last_id=read_id(rest.pop(0)))
        else:
            number = whole(rest.pop(0))
            if option == b"RETRYCOUNT":
                options = options._replace(retry_count=number)
            else:
                options = options._replace(delivered=number if option == b"TIME" else now - number)
    return options


def _xclaim(database: Database, words: Words) -> Answer:
    key, name, consumer, least, *rest = words
    existing = database.stream_of(key)
    if existing is None or name not in existing.groups:
        raise no_group(key, name)
    stream, group = to_change(database, key, name)
    idle = max(0, whole(least))
    ids = [read_id(rest.pop(0))]
    while rest and rest[0][:1].isdigit():
        ids.append(read_id(rest.pop(0)))
    now, answer = database.milliseconds(), list[Answer]()
    options = _claim_options(rest, now)
    if options.last_id is not None:
        group.last_delivered = max(group.last_delivered, options.last_id)
    for each in ids:
        pending = group.pending.get(each)
        if each not in stream.entries:
            group.pending.pop(each, None)
            continue
        if pending is None:
            if not options.force:
                continue
            pending = Delivery(consumer, 0)  # a delivery that counts, as on real servers
        elif now - pending.delivered < idle:
            continue
        count = pending.deliveries + (not options.just_id)
        if options.retry_count is not None:
            count = options.retry_count
        group.pending[each] = Delivery(consumer, options.delivered, count)
        answer.append(
            each.encoded() if options.just_id else entry_answer(each, stream.entries[each])
        )
    group.saw(consumer, now, active=bool(answer))
    database[key] = stream
    return answer


def _xautoclaim(database: Database, words: Words) -> Answer:
    key, name, consumer, least, start, *rest = words
    idle, first = max(0, whole(least)), read_bound(start, end=False)
    count, just_id = 100, False
    while rest:
        option = rest.pop(0).upper()
        if option == b"JUSTID":
            just_id = True
        elif option == b"COUNT" and rest:
            count = whole(rest.pop(0))
            if count <= 0:
                raise from_server("ERR COUNT must be > 0")
        else:
            raise syntax_error() if option == b"COUNT" else unknown_option("XAUTOCLAIM", option)
    stream, group = to_change(database, key, name)
    now = database.milliseconds()
    answer, deleted, seen = list[Answer](), list[Answer](), 0
    waiting = group.pending_in_order(first)
    for each, pending in waiting:
        if seen >= 10 * count or len(answer) + len(deleted) >= count:
            break
        seen += 1
        if each not in stream.entries:
            del group.pending[each]
            deleted.append(each.encoded())
        elif now - pending.delivered >= idle:
            deliveries = pending.deliveries + (not just_id)
            group.pending[each] = Delivery(consumer, now, deliveries)
            fields = stream.entries[each]
            answer.append(each.encoded() if just_id else entry_answer(each, fields))
    group.saw(consumer, now, active=bool(answer))
    database[key] = stream
    cursor = waiting[seen][0].encoded() if seen < len(waiting) else b"0-0"
    return [cursor, answer, deleted]


STREAM_PENDING: Final[CommandTable] = {
    b"XACK": KnownCommand(_xack, 3),
    b"XAUTOCLAIM": KnownCommand(_xautoclaim, 5),
    b"XCLAIM": KnownCommand(_xclaim, 5),
    b"XPENDING": KnownCommand(_xpending, 2),
}
"""The commands on pending entries, by name."""
