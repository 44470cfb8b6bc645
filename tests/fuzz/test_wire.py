"""The queue of requests, fed with streams of all types that are cut, mutated or announce too much."""

from __future__ import annotations

import random
from typing import Any

import pytest

from anyredis.exceptions import ProtocolError, RedisError
from anyredis.testing.resp import encode
from anyredis.wire.decode import UNDECODABLE
from tests.wire.notes import Note, ask, lost, session

CORPUS = [
    b">100000000\r\n",
    b"*1000000000\r\n",
    b"|100000000\r\n+a\r\n",
    b"*2\r\n$1\r\n\xff\r\n:7\r\n",
    b">2\r\n+invalidate\r\n*1\r\n$1\r\n\xff\r\n+mine\r\n",
    b"%1\r\n*0\r\n:1\r\n",
    b"*1\r\n" * 5000,
    b"$14\r\na\n>1000000000\r\n:5\r\n",
    b"$-2\r\n",
    b"$?\r\n;4\r\nabcd\r\n;0\r\n",
    b"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
]
"""Streams that once failed, or that hiredis treats in its own way."""


def value(dice: random.Random, depth: int = 3) -> Any:
    """A reply of any type."""
    kinds = ("null", "flag", "number", "float", "text", "error", "long")
    match dice.choice((*kinds, "list", "map") if depth else kinds):
        case "null":
            return None
        case "flag":
            return dice.random() < 0.5
        case "number":
            return dice.randrange(-(2**63), 2**63)
        case "float":
            return dice.uniform(-1e9, 1e9)
        case "text":
            return dice.choice([b"", b"\xff\xfe", b"\n>1000000\r\n", "é".encode(), b"*3\r\n"])
        case "error":
            return RedisError("ERR some")
        case "long":
            return dice.choice([b"x", b"\n*123456789\r\n", b"\xff"]) * dice.randrange(2000)
        case "list":
            return [value(dice, depth - 1) for _ in range(dice.randrange(4))]
        case _:
            return {b"%d" % key: value(dice, depth - 1) for key in range(dice.randrange(4))}


def stream(dice: random.Random) -> tuple[list[int], bytes]:
    """The numbers of replies of some requests, and the bytes for them, with pushes between."""
    counts = [dice.choice([1, 1, 1, 3]) for _ in range(dice.randrange(1, 6))]
    data = b""
    for number, count in enumerate(counts):
        for _ in range(count):
            if dice.random() < 0.3:
                data += b">2\r\n+message\r\n" + encode(value(dice))
            data += b"*2\r\n:%d\r\n" % number + encode(value(dice))
    return counts, data


def feed(
    data: bytes, counts: list[int], dice: random.Random, encoding: str | None
) -> tuple[list[Note], Exception | None]:
    """Feed *data*, cut anywhere, to a queue with these requests; gives the waiters and the error."""
    wire = session(encoding, pushes=[])
    notes = [ask(wire, b"x", None if count == 1 else count)[1] for count in counts]
    wire.take(0)
    ends = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(12)))
    error: Exception | None = None
    try:
        for begin, end in zip([0, *ends], [*ends, len(data)], strict=True):
            wire.feed(data[begin:end])
    except (ProtocolError, RecursionError) as failed:
        error = failed
        wire.fail(lost)
    UNDECODABLE.clear()
    return notes, error


def shown(notes: list[Note]) -> str:
    """The answers, to compare."""
    return repr([note.answers for note in notes])


@pytest.mark.parametrize("encoding", [None, "utf-8", "shift_jis"])
def test_own_answers(dice: random.Random, cases: int, encoding: str | None) -> None:
    """G1: cut anywhere, each request gets its own replies, the same as in one piece."""
    for _ in range(cases):
        counts, data = stream(dice)
        notes, error = feed(data, counts, dice, encoding)
        assert error is None
        for number, (note, count) in enumerate(zip(notes, counts, strict=True)):
            [answer] = note.answers
            for reply in [answer] if count == 1 else answer:
                assert isinstance(reply, RedisError) or reply[0] == number
        again, _ = feed(data, counts, random.Random(0), encoding)
        assert shown(notes) == shown(again)


def test_mutated_streams(dice: random.Random, cases: int) -> None:
    """G1, G12: each request is answered at most once; anything but an answer is `ProtocolError`."""
    for _ in range(cases):
        counts, data = stream(dice)
        mutated = bytearray(data)
        for _ in range(dice.randrange(1, 4)):
            place = dice.randrange(len(mutated))
            match dice.randrange(3):
                case 0:
                    mutated[place] = dice.randrange(256)
                case 1:
                    del mutated[place : place + dice.randrange(1, 9)]
                case _:
                    mutated[place:place] = dice.choice(CORPUS[:3])
            if not mutated:
                mutated += b":"
        notes, error = feed(bytes(mutated), counts, dice, "utf-8")
        assert all(len(note.answers) <= 1 for note in notes)
        assert error is None or all(note.answers for note in notes)


@pytest.mark.parametrize("data", CORPUS)
@pytest.mark.parametrize("encoding", [None, "utf-8"])
def test_the_corpus(data: bytes, encoding: str | None, dice: random.Random) -> None:
    """Cut at every byte, up to 60, it ends in answers or in `ProtocolError`, never in anything else."""
    for cut in range(min(len(data), 60)):
        for chunks in ([data[:cut], data[cut:]], [data[cut:]]):
            notes, _ = feed(b"".join(chunks), [1, 1], dice, encoding)
            assert all(len(note.answers) <= 1 for note in notes)
