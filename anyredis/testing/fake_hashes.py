"""Hashes of the Redis in memory; their fields do not expire.

Law: each command is a function of one database and its arguments, independent of connections.
"""

from __future__ import annotations

import math
from typing import Final

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.fake_strings import added, added_real
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    exactly,
    pairs,
    real,
    scan_pairs,
    whole,
)
from anyredis.testing.resp import Answer


def _hset(database: Database, words: Words) -> Answer:
    key, *rest = words
    new = dict(pairs(rest, b"hset"))
    old = database.fields_of(key)
    database[key] = {**old, **new}
    return len(new.keys() - old.keys())


def _hmset(database: Database, words: Words) -> Answer:
    key, *rest = words
    database[key] = {**database.fields_of(key), **dict(pairs(rest, b"hmset"))}
    return "OK"


def _hsetnx(database: Database, words: Words) -> Answer:
    key, field, value = words
    old = database.fields_of(key)
    if field in old:
        return 0
    database[key] = {**old, field: value}
    return 1


def _hget(database: Database, words: Words) -> Answer:
    return database.fields_of(words[0]).get(words[1])


def _hmget(database: Database, words: Words) -> Answer:
    fields = database.fields_of(words[0])
    return [fields.get(field) for field in words[1:]]


def _hgetall(database: Database, words: Words) -> Answer:
    return dict[Answer, Answer](database.fields_of(words[0]).items())


def _hkeys(database: Database, words: Words) -> Answer:
    return list(database.fields_of(words[0]))


def _hvals(database: Database, words: Words) -> Answer:
    return list(database.fields_of(words[0]).values())


def _hlen(database: Database, words: Words) -> Answer:
    return len(database.fields_of(words[0]))


def _hexists(database: Database, words: Words) -> Answer:
    return int(words[1] in database.fields_of(words[0]))


def _hstrlen(database: Database, words: Words) -> Answer:
    return len(database.fields_of(words[0]).get(words[1], b""))


def _hdel(database: Database, words: Words) -> Answer:
    key, *unwanted = words
    fields = database.fields_of(key)
    left = {field: value for field, value in fields.items() if field not in unwanted}
    if len(left) < len(fields):
        database.store(key, left)
    return len(fields) - len(left)


def _hincrby(database: Database, words: Words) -> Answer:
    key, field, word = words
    amount, fields = whole(word), database.fields_of(key)
    number = added(fields.get(field), amount, "ERR hash value is not an integer")
    database[key] = {**fields, field: b"%d" % number}
    return number


def _hincrbyfloat(database: Database, words: Words) -> Answer:
    key, field, amount = words
    if math.isinf(real(amount)):
        raise from_server("ERR value is NaN or Infinity")
    fields = database.fields_of(key)
    value = added_real(fields.get(field), amount, "ERR hash value is not a float")
    database[key] = {**fields, field: value}
    return value


def _hscan(database: Database, words: Words) -> Answer:
    key, *rest = words
    return scan_pairs("HSCAN", rest, b"NOVALUES", lambda: database.fields_of(key).items())


HASHES: Final[CommandTable] = {
    b"HDEL": KnownCommand(_hdel, 2),
    b"HEXISTS": exactly(2, _hexists),
    b"HGET": exactly(2, _hget),
    b"HGETALL": exactly(1, _hgetall),
    b"HINCRBY": exactly(3, _hincrby),
    b"HINCRBYFLOAT": exactly(3, _hincrbyfloat),
    b"HKEYS": exactly(1, _hkeys),
    b"HLEN": exactly(1, _hlen),
    b"HMGET": KnownCommand(_hmget, 2),
    b"HMSET": KnownCommand(_hmset, 3),
    b"HSCAN": KnownCommand(_hscan, 2),
    b"HSET": KnownCommand(_hset, 3),
    b"HSETNX": exactly(3, _hsetnx),
    b"HSTRLEN": exactly(2, _hstrlen),
    b"HVALS": exactly(1, _hvals),
}
"""The commands on hashes, by name."""
