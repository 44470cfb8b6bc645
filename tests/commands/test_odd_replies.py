"""Whatever a server answers, a command gives a value of its type or a `ProtocolError`.

The odd replies to a command are some that fit few commands, and its own real replies with one part
replaced, left out, or added.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final, cast

import pytest

from anyredis.exceptions import ProtocolError, RedisError, ResponseError
from anyredis.facts.table import shown
from anyredis.replies import S
from anyredis.wire.decode import Decoder
from tests.commands.declared_types import declared, fits
from tests.commands.rows import Row, read_rows, sent_rows
from tests.commands.test_every_command import ODD_REPLIES, TABLES

PARTS: Final[list[Any]] = [
    *(None, True, -1, 2**70, 1.5, float("nan"), float("inf"), b"", b"x", "", "x", b"\xff"),
    *([], [None], ["a"], ["a", 1, "b"], [[1]], [[]], {}, {"a": 1}, {b"a": {}}, {1: None}),
    ResponseError("ERR no"),
]
"""What one part of a reply is replaced by."""

ADDED: Final = "of-tomorrow"
"""A field that no server has yet."""


def variants(reply: Any) -> Iterator[Any]:
    """*reply* with one of its parts replaced, left out, or put in twice."""
    yield from PARTS
    if isinstance(reply, list):
        items = cast("list[object]", reply)
        for index, item in enumerate(items):
            yield [*items[:index], *items[index + 1 :]]
            yield [*items[: index + 1], *items[index:]]
            for other in variants(item):
                yield [*items[:index], other, *items[index + 1 :]]
    elif isinstance(reply, dict):
        fields = cast("dict[object, object]", reply)
        for name, value in fields.items():
            yield {each: fields[each] for each in fields if each != name}
            for other in variants(value):
                yield {**fields, name: other}
        yield {**fields, b"\xff": None}
        yield {**fields, 7: None}


def decoded(row: Row) -> Any:
    """The raw reply of *row*, as its command's reader gets it."""
    decoder = Decoder(None if row.command.binary or row.client_of_bytes else "utf-8")
    decoder.feed(row.raw)
    return decoder.gets()


def fault(group: type[object], row: Row, reply: Any) -> str | None:
    """What the command of *row* makes of *reply*, if that is neither a value nor the right error."""
    command = row.command
    try:
        value = command.parsed(copy.deepcopy(reply))
    except ProtocolError as error:
        return (
            None
            if str(error).startswith(f"{shown(command.args)}: the server")
            else f"{command}: {error}"
        )
    except RedisError as error:  # one that stands in the reply, as of EXEC or EVAL
        return None if isinstance(error, ResponseError) else f"{command} {reply!r}: {error!r}"
    except Exception as error:  # noqa: BLE001 - that is the fault
        return f"{command} {reply!r}: {error!r}"
    wanted = declared(group, row.method)
    if fits(value, wanted, {S: bytes if row.client_of_bytes else str}):
        return None
    return f"{row.method} {reply!r}: {value!r} is no {wanted}"


@pytest.mark.parametrize("group", TABLES, ids=lambda group: group.__name__)
def test_odd_replies(group: type[object]) -> None:
    """Every command of the table of words takes them, or says what it expected."""
    odd = [*ODD_REPLIES, *PARTS]
    faults = [fault(group, row, reply) for row in sent_rows(group) for reply in odd]
    assert [each for each in faults if each] == []


@pytest.mark.parametrize("group", TABLES, ids=lambda group: group.__name__)
def test_odd_parts(group: type[object]) -> None:
    """A real reply with one odd part is read, or the error says what was expected."""
    faults = [
        fault(group, row, reply) for row in read_rows(group) for reply in variants(decoded(row))
    ]
    assert [each for each in faults if each] == []


def with_new_fields(reply: Any) -> Any:
    """*reply* with one more field in each map whose keys are names, like one that is there."""
    if isinstance(reply, list):
        items = cast("list[object]", reply)
        return [with_new_fields(each) for each in items]
    if isinstance(reply, dict):
        fields = cast("dict[object, object]", reply)
        new = {name: with_new_fields(value) for name, value in fields.items()}
        for name, value in fields.items():
            if isinstance(name, (str, bytes)):
                return {**new, (ADDED if isinstance(name, str) else ADDED.encode()): value}
        return new
    return reply


@pytest.mark.parametrize("group", TABLES, ids=lambda group: group.__name__)
def test_new_fields(group: type[object]) -> None:
    """A field that no server has yet breaks nothing, and is kept."""
    lost: list[str] = []
    for row in read_rows(group):
        reply = decoded(row)
        more = with_new_fields(reply)
        if more != reply and ADDED not in repr(row.command.parsed(more)):
            lost.append(f"{row.method}: {row.raw!r}")
    assert lost == []
