"""The same commands to a fake server and to a real one, and their replies as they can be compared.

Law: every reply is read by hiredis from bytes, in RESP2 and RESP3, so its type counts too.  Left out
of the comparison: the order of what has none (sets, hashes), the text of an error behind its first
word, and the milliseconds that passed.
"""

from __future__ import annotations

import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

import hiredis

from anyredis.server import Server
from anyredis.testing.memory import Memory
from anyredis.testing.resp import NOTHING, encode
from anyredis.wire.decode import Reply
from anyredis.wire.encode import encoder

pack = encoder()

UNORDERED: Final = frozenset(
    {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"HKEYS", b"HVALS", b"KEYS", b"SPOP"}
)
UNORDERED_PAIRS: Final = frozenset({b"HGETALL"})
ABOUT: Final = {b"TTL": 60, b"EXPIRETIME": 60, b"PTTL": 60_000, b"PEXPIRETIME": 60_000}
"""Replies that are equal up to this much: time passes on a real server."""


class BothServers:
    """A conversation with a new fake server and with *server*, which is emptied first."""

    def __init__(self, plain: socket.socket, protocol: int) -> None:
        self._socket = plain
        self._reader = hiredis.Reader()
        self._memory = Memory()
        self._client = self._memory.new_client()
        self._queued: list[bytes] = []
        for words in ((b"HELLO", b"%d" % protocol), (b"FLUSHALL",)):
            self.replies(words)

    def replies(self, words: Sequence[bytes]) -> tuple[object, object]:
        """The replies of the fake and of the real server, comparable."""
        self._socket.sendall(pack(tuple(words)))
        real: Reply
        while (real := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(65536))
        name, fake = words[0].upper(), self._fake_reply(tuple(words))
        if name == b"EXEC" and isinstance(fake, list) and isinstance(real, list):
            queued, self._queued = self._queued, []
            assert len(fake) == len(real) == len(queued)
            both_of_each = list(map(both_comparable, queued, fake, real))
            return [one for one, _ in both_of_each], [other for _, other in both_of_each]
        if name == b"MULTI":
            self._queued = []
        elif real == b"QUEUED":
            self._queued.append(name)
        return both_comparable(name, fake, real)

    def _fake_reply(self, words: tuple[bytes, ...]) -> Reply:
        answer = self._memory.run(self._client, words)
        reader = hiredis.Reader()
        # The time of a blocking command is over at once.
        answer = None if answer is NOTHING else answer
        self._memory.unblock(self._client)
        reader.feed(encode(answer, self._client.protocol))
        reply: Reply = reader.gets()
        return reply

    def differs_by_server(self, words: Sequence[bytes]) -> bool:
        """True for MULTI and WATCH in a transaction: Valkey then discards it, Redis goes on."""
        return self._client.queue is not None and words[0].upper() in {b"MULTI", b"WATCH"}

    def assert_same(self, commands: Sequence[Sequence[bytes]]) -> None:
        """Both answer *commands* alike."""
        for number, words in enumerate(commands):
            if self.differs_by_server(words):
                continue
            fake, real = self.replies(words)
            assert fake == real, [b" ".join(each) for each in commands[: number + 1]]


@contextmanager
def both(server: Server, protocol: int) -> Generator[BothServers]:
    """A conversation with both."""
    assert server.unix_socket_path is not None
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(20)
        plain.connect(server.unix_socket_path)
        yield BothServers(plain, protocol)


def both_comparable(name: bytes, fake: Reply, real: Reply) -> tuple[object, object]:
    """The two replies to the command *name*, equal if the difference does not count."""
    if name in ABOUT and isinstance(fake, int) and isinstance(real, int) and min(fake, real) > 0:
        fake = real if abs(fake - real) <= ABOUT[name] else fake
    return comparable(name, fake), comparable(name, real)


def comparable(name: bytes, reply: Reply) -> object:
    """*reply* to the command *name*, without that which no client may rely on."""
    if isinstance(reply, Exception):
        return f"-{str(reply).split()[0]}"
    if name in UNORDERED and isinstance(reply, list):
        return sorted(map(repr, reply))
    if name in UNORDERED_PAIRS and isinstance(reply, list):
        return sorted(map(repr, zip(reply[::2], reply[1::2], strict=True)))
    if name == b"XPENDING" and isinstance(reply, list) and reply and isinstance(reply[0], list):
        return [[*settled_row[:2], *settled_row[3:]] for settled_row in map(list_of, reply)]
    if name == b"XINFO":
        return report(reply)
    if name in {b"SSCAN", b"HSCAN", b"SCAN"} and isinstance(reply, list):
        cursor, found = reply
        assert isinstance(found, list)
        return [cursor, sorted(map(repr, found))]
    return settled(reply)


def list_of(row: Reply) -> list[object]:
    """*row*, which is an array, settled."""
    assert isinstance(row, list)
    return [settled(item) for item in row]


TIMES: Final = frozenset({b"idle", b"inactive"})
"""Values of reports that differ with the time that passed."""

OWN_VALUES: Final = frozenset({b"radix-tree-keys", b"radix-tree-nodes", b"lag", b"entries-read"})
"""Values of reports that describe a server's own structures, or what it can know."""

OWN_FIELDS: Final = frozenset(
    {b"idmp-duration", b"idmp-maxsize", b"pids-tracked", b"iids-tracked", b"iids-added"}
)


def report(reply: Reply) -> object:
    """The report of XINFO, a map or an array in turns, without what differs by server and time."""
    if isinstance(reply, list) and reply and not isinstance(reply[0], (list, dict)):
        reply = dict(zip(reply[::2], reply[1::2], strict=True))
        return ["array", report(reply)]
    if isinstance(reply, list):
        return [report(each) for each in reply]
    if not isinstance(reply, dict):
        return settled(reply)
    return {
        key: ... if key in TIMES | OWN_VALUES else settled(value) for key, value in reply.items()
    }


def settled(reply: Reply) -> object:
    """*reply* with its errors, also nested ones, as their first words, and its type shown."""
    if isinstance(reply, Exception):
        return f"-{str(reply).split()[0]}"
    if isinstance(reply, list):
        return [settled(item) for item in reply]
    return type(reply).__name__, reply
