"""Whether the words of a call mean what was given, by the servers' grammar.

Law: every value that was given stands where the grammar has an argument of that meaning, in the
order given; every other value is one that the method adds and a table names.  `PLACES` tells the
grammar's names for ours, where they differ.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard, cast

import hiredis

from anyredis.command import Command
from anyredis.commands.bitmaps import BitField
from anyredis.commands.group import MILLISECOND, SECOND, moment
from anyredis.commands.vectors import vector_bytes
from anyredis.facts.table import full_name
from anyredis.wire.encode import encode, encoder
from tests.fuzz.arguments import Call, signature_of
from tests.fuzz.grammar import Read, is_count, parse

PACK = encoder()

OPERATIONS: Final = {b"GET", b"SET", b"INCRBY", b"OVERFLOW", b"WRAP", b"SAT", b"FAIL"}

Words = list[frozenset[bytes]]
"""Words, each with the ways in which it may be written: seconds or milliseconds."""

PLACES: Final[dict[str, str]] = {
    "address": "old-format",
    "amount": "increment decrement",
    "amount.zadd_incr": "score",
    "args.module_load": "arg",
    "args.command_getkeys": "command arg",
    "args.command_getkeysandflags": "command arg",
    "asynchronous": "flush-type",
    "attributes.vsetattr": "json",
    "capabilities": "capability",
    "channels": "channel shardchannel",
    "bus_port": "cluster-bus-port",
    "by": "by-pattern",
    "code": "function-code",
    "combinator": "options",
    "config": "configs",
    "count.blmovem": "exactly count",
    "count.lmovem": "exactly count",
    "auth": "auth password",
    "fields": "field data",
    "id.xadd": "id-selector",
    "id.xadd_nomkstream": "id-selector",
    "patterns": "parameter",
    "desc": "rev desc",
    "dest": "destination destkey",
    "dest.zrangestore": "dst",
    "key.zrangestore": "src",
    "key.geosearchstore": "source",
    "mode.lmovem": "how-many selector",
    "mode.blmovem": "how-many selector",
    "no_thread": "nothread",
    "reduce_dim": "dim",
    "start.zrangestore": "min",
    "end.zrangestore": "max",
    "dest.lmove": "whereto",
    "dest.lmovem": "whereto",
    "dest.blmove": "whereto",
    "dest.blmovem": "whereto",
    "destination_db": "destination-db db",
    "direction": "where",
    "dst": "destination newkey",
    "duration": "seconds",
    "end": "stop end-slot end end-index end-unit-block",
    "epoch": "config-epoch",
    "first": "index1",
    "first_list": "source",
    "get": "get-pattern",
    "id": "client-id",
    "idle": "min-idle-time",
    "index": "index",
    "indices": "index",
    "keys_and_args": "key arg",
    "library": "library-name library-name-pattern",
    "mapping": "data",
    "mapping.armset": "index value",
    "match": "pattern",
    "message": "message",
    "migrations": "migration-group",
    "min.zremrangebyrank": "start",
    "max.zremrangebyrank": "stop",
    "mode": "enabled unit flush-type",
    "module": "module-name",
    "more": "data",
    "name": "connection-name parameter",
    "names": "command-name",
    "num": "count",
    "number": "count",
    "operations": "operation",
    "items": "get-block operation",
    "option": "options",
    "payload": "serialized-value",
    "second": "index2",
    "password": "password",
    "quantization": "quant_type",
    "ranges": "range start-slot end-slot",
    "ref_policy": "condition",
    "refvalue": "pivot",
    "rules": "rule",
    "second_list": "destination",
    "shard_channel": "shardchannel",
    "sample_ratio": "ratio",
    "sort": "order",
    "src": "source key",
    "src.lmove": "wherefrom",
    "src.lmovem": "wherefrom",
    "src.blmove": "wherefrom",
    "src.blmovem": "wherefrom",
    "start": "start-slot offset",
    "streams": "key id",
    "sync_type": "flush-type",
    "time.setex": "seconds",
    "time.expire": "seconds",
    "time.pexpire": "milliseconds",
    "time_ms": "milliseconds",
    "to": "target",
    "value": "message element member value",
    "value.client_setinfo": "attr",
    "value.restore": "serialized-value",
    "values": "element member value",
    "values.geoadd": "data",
    "version_numbers": "version",
    "when": "unix-time-seconds unix-time-milliseconds",
    "input": "vector_or_element",
    "maxlen": "threshold",
    "minid": "threshold",
}
"""The grammar's names for a parameter, by `parameter` or `parameter.method`."""

REVERSED: Final = {"zadd.mapping", "cluster_migrateslots.migrations"}
"""Mappings whose values are sent before their keys."""

SPLIT: Final = {"streams": "id", "keys": "weight"}
"""Mappings whose keys are sent first, and all values behind them, in the place named here."""

UNTOLD: Final[dict[str, str]] = {
    "approximate": "without a bound there is nothing to be approximate",
    **dict.fromkeys(
        (
            f"acl_setuser.{name}"
            for name in (
                *("enabled", "nopass", "passwords", "hashed_passwords", "categories", "commands"),
                *("keys", "channels", "selectors", "reset", "reset_keys", "reset_channels"),
                "reset_passwords",
            )
        ),
        "becomes a rule: tests/commands/test_acl.py",
    ),
}
"""Parameters that decide about other words, so that none of their own is sent."""

ADDED: Final[dict[str, str]] = {
    "acl_setuser": "the rules",
    "config_get": "`*` without a pattern",
    "hotkeys_start": "the number of metrics",
    "migrate": "an empty text in the place of one key",
}
"""Methods that send a value which no parameter has, with the reason."""


def words_of(command: Command[Any]) -> list[bytes]:
    """The words as a server reads them."""
    reader = hiredis.Reader()
    reader.feed(encode(PACK, command.args))
    return cast("list[bytes]", reader.gets())


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether *value* is a mapping, of any keys and values."""
    return isinstance(value, Mapping)


def given(value: Any) -> Words:
    """The words for a value that was given; none for a flag."""
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, datetime.timedelta):
        return [frozenset(b"%d" % (value // unit) for unit in (SECOND, MILLISECOND))]
    if isinstance(value, datetime.datetime):
        return [frozenset(b"%d" % moment(value, unit) for unit in (SECOND, MILLISECOND))]
    if isinstance(value, BitField):
        words = (
            b"%s" % word if isinstance(word, bytes) else str(word).encode() for word in value.words
        )
        return [frozenset({word}) for word in words if word not in OPERATIONS]
    if isinstance(value, str):
        return [frozenset({value.encode()})]
    if isinstance(value, (int, float)):
        return [frozenset({repr(value).encode()})]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return [frozenset({b"%s" % value})]
    if is_mapping(value):
        return [word for pair in value.items() for each in pair for word in given(each)]
    return [word for each in cast("Sequence[Any]", value) for word in given(each)]


def places(method: str, name: str) -> set[str]:
    """The grammar's names for a parameter."""
    told = PLACES.get(f"{name}.{method}", PLACES.get(name, ""))
    return {plain(each) for each in (name, *told.split())}


def plain(name: str) -> str:
    """A name in lower case, in the singular, without anything between its words."""
    return re.sub(r"[-_]", "", name.lower()).removesuffix("s")


def stands(read: Read, names: set[str]) -> bool:
    """Whether a word stands in one of the places *names*."""
    return any(plain(each) in names for each in read.path)


def spelled(method: str, name: str, value: Any) -> Words:
    """The words for the *value* of a parameter, in the order in which they are sent."""
    if f"{method}.{name}" in REVERSED:
        pairs = cast("Mapping[Any, Any]", value)
        return [word for key, each in pairs.items() for word in (*given(each), *given(key))]
    if method in {"vadd", "vsim", "vsim_with_scores", "vsim_with_attributes"} and (
        name in {"vector", "input"} and not isinstance(value, str)
    ):
        return [frozenset({vector_bytes(value, where=name)})]
    return given(value)


def is_placed(method: str, name: str, value: Any, reads: list[Read]) -> bool:
    """Whether *value* is read in the place of the parameter *name*."""
    if name in SPLIT and is_mapping(value):
        return is_placed(method, name, [*value], reads) and is_placed(
            method, SPLIT[name], [*value.values()], reads
        )
    there = [read for read in reads if stands(read, places(method, name))]
    if value is None or value is False:
        return True
    if value is True:
        return any(read.is_token for read in there)
    expected = spelled(method, name, value)
    values = [read.word for read in there if not read.is_token]
    if contains(values, expected):
        return True
    tokens = [read.word.upper() for read in there]
    return contains(tokens, [frozenset(map(bytes.upper, each)) for each in expected])


def contains(words: list[bytes], expected: Words) -> bool:
    """Whether the *expected* words stand in *words*, one behind the other."""
    size = len(expected)
    return any(
        all(word in each for word, each in zip(words[at:], expected, strict=False))
        for at in range(len(words) - size + 1)
    )


def fault(call: Call, command: Command[Any]) -> str | None:
    """What is wrong with the words of *command*, which *call* has made; None if nothing is."""
    words = words_of(command)
    name = full_name(command.args).decode()
    readings = list(parse(name, words[len(name.split()) :]))
    if not readings:
        return f"{words} is no {name}"
    faults = [_misplaced(call, reads) or _invented(call, reads) for reads in readings]
    return None if None in faults else f"{words}: {' or '.join(map(str, faults))}"


def _each(call: Call) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    parameters = signature_of(call.method).parameters
    for name, value in call.arguments().items():
        if parameters[name].kind is parameters[name].VAR_KEYWORD:
            found += value.items()
        else:
            found.append((name, value))
    return found


def _misplaced(call: Call, reads: list[Read]) -> str | None:
    parameters = signature_of(call.method).parameters
    for name, value in _each(call):
        if f"{call.method}.{name}" in UNTOLD or name in UNTOLD:
            continue
        default = parameters[name].default if name in parameters else None
        if value is default or (value == default and type(value) is type(default)):
            continue  # the server has the same default
        if isinstance(value, str) and value.lower() == default:
            continue
        if not is_placed(call.method, name, value, reads):
            return f"{name}={value!r} is not there: {reads}"
    return None


def _invented(call: Call, reads: list[Read]) -> str | None:
    if call.method in ADDED:
        return None
    rest = Counter(read.word for read in reads if not read.is_token and not is_count(read))
    expected = [word for name, value in _each(call) for word in spelled(call.method, name, value)]
    for alternatives in sorted(expected, key=len):
        for word in alternatives:
            if rest[word] > 0:
                rest[word] -= 1
                break
    left = [word for word, count in rest.items() if count > 0]
    return f"{left} was not given: {reads}" if left else None
