"""Tests of `anyredis.testing.memory`: the tiny Redis answers as the real ones do."""

from __future__ import annotations

import socket
from functools import partial

import hiredis
import pytest

from anyredis.exceptions import AuthenticationError, ResponseError
from anyredis.server import Server
from anyredis.testing.client_state import ClientState
from anyredis.testing.clock import VirtualClock
from anyredis.testing.memory import Memory
from anyredis.testing.resp import NOTHING, encode
from anyredis.wire.decode import Reply
from anyredis.wire.encode import encoder

pack = encoder()

CONVERSATION = """
    PING
    PING hello
    ECHO hello
    GET none
    SET k v
    GET k
    SET k w NX
    SET k w XX
    SET none w XX
    EXISTS k k none
    INCR n
    INCRBY n 41
    INCR k
    INCR
    GET
    DBSIZE
    MSET a 1 b 2
    MSET
    MSET a
    MGET a none b a
    MGET
    TOUCH a a none
    TOUCH
    KEYS a*
    KEYS [^abk]
    KEYS ?x
    KEYS a b
    UNLINK k2 none
    UNLINK a b b
    UNLINK
    EXISTS
    DEL
    DEL n n none
    RPUSH l a b c
    LPUSH l z y
    LLEN l
    LLEN none
    LRANGE l 0 -1
    LRANGE l 1 2
    LRANGE l -2 100
    LRANGE l -100 0
    LRANGE l 3 1
    LPOP l
    LPOP none
    GET l
    MGET l k
    LLEN k
    SCAN 0 MATCH l TYPE list
    SCAN 0 COUNT 0
    SCAN 0 COUNT
    SCAN 0 NONESUCH 1
    SCAN x
    BLPOP none l 1
    SELECT 1
    GET k
    SELECT 99
    SELECT x
    SELECT 0
    MULTI
    INCR n
    GET k
    EXEC
    EXEC
    MULTI
    MULTI
    SET k never
    DISCARD
    DISCARD
    GET k
    WATCH n
    MULTI
    GET n
    EXEC
    WATCH n
    INCR n
    MULTI
    INCR n
    EXEC
    WATCH n
    INCR n
    UNWATCH
    MULTI
    GET n
    EXEC
    WATCH k
    FLUSHALL
    MULTI
    GET k
    EXEC
    MULTI
    SET k never
    NONESUCH
    SET k never
    EXEC
    GET k
    MULTI
    NONESUCH
    DISCARD
    MULTI
    GET k
    EXEC
    CLIENT SETNAME me
    CLIENT GETNAME
    CLIENT SETINFO LIB-NAME x
    CLIENT NO-EVICT ON
    CLIENT NO-TOUCH ON
    CLIENT NONESUCH
    NONESUCH
    HELLO 4
    FLUSHDB
    DBSIZE
    FLUSHALL
    WATCH k
    MULTI
    SET k never
    RESET
    EXEC
    GET k
    CLIENT GETNAME
"""
LINES = [line.split() for line in CONVERSATION.split("\n") if line.strip()]


@pytest.mark.parametrize("protocol", [2, 3])
def test_it_answers_as_valkey_does(valkey: Server, protocol: int) -> None:
    """The same conversation with both: the same replies, errors by their first word."""
    memory = Memory()
    client = memory.new_client()
    assert valkey.unix_socket_path is not None
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(10)
        plain.connect(valkey.unix_socket_path)
        reader = hiredis.Reader()
        for line in [["HELLO", str(protocol)], *LINES]:
            words = tuple(word.encode() for word in line)
            plain.sendall(pack(words))
            while (real := reader.gets()) is False:
                reader.feed(plain.recv(65536))
            ours = hiredis.Reader()
            answer = memory.run(client, words)
            ours.feed(encode(answer, client.protocol))
            if words[0] != b"HELLO" or words[1] == b"4":
                assert comparable(ours.gets()) == comparable(real), line


def comparable(reply: Reply) -> object:
    """*reply*, or the first word of an error."""
    if isinstance(reply, Exception):
        return f"-{str(reply).split()[0]}"
    if isinstance(reply, list):
        return [comparable(item) for item in reply]
    return reply


def run(memory: Memory, client: ClientState, line: str) -> object:
    """The answer to a command as one types it."""
    return memory.run(client, tuple(line.encode().split()))


def test_a_blocking_command_waits_its_turn() -> None:
    """It has no answer at first; the client that waits longest gets the first element."""
    memory, late = Memory(), list[tuple[int, object]]()
    clients = [memory.new_client() for _ in range(3)]
    for client in clients:
        client.deliver = partial(_note, late, client.id)
    first, second, pusher = clients
    assert run(memory, first, "BLPOP l 0") is NOTHING
    assert run(memory, second, "BLPOP other l 0") is NOTHING
    assert (first.blocked, second.blocked) == (True, True)
    run(memory, pusher, "SET l text")
    assert late == []  # a key of another type is no element
    run(memory, pusher, "DEL l")
    run(memory, pusher, "RPUSH l a b c")
    assert late == [(first.id, [b"l", b"a"]), (second.id, [b"l", b"b"])]
    assert run(memory, pusher, "LRANGE l 0 -1") == [b"c"]
    assert (first.blocked, second.blocked) == (False, False)


def _note(late: list[tuple[int, object]], number: int, answer: object) -> None:
    late.append((number, answer))


def test_one_element_can_go_through_several_blocked_commands() -> None:
    """BLMOVE frees the BLPOP that waits for its target."""
    memory, late = Memory(), list[tuple[int, object]]()
    popper, mover, pusher = (memory.new_client() for _ in range(3))
    for client in (popper, mover):
        client.deliver = partial(_note, late, client.id)
    run(memory, popper, "BLPOP to 0")
    run(memory, mover, "BLMOVE from to LEFT RIGHT 0")
    run(memory, pusher, "RPUSH from x")
    assert late == [(mover.id, b"x"), (popper.id, [b"to", b"x"])]


def test_a_transaction_does_not_block() -> None:
    """A blocking command in it answers at once; a pushing EXEC frees another's."""
    memory, late = Memory(), list[tuple[int, object]]()
    waiting, client = memory.new_client(), memory.new_client()
    waiting.deliver = partial(_note, late, waiting.id)
    run(memory, waiting, "BLPOP l 0")
    for line in ("MULTI", "BLPOP none 0", "RPUSH l a", "RPUSH l b"):
        run(memory, client, line)
    assert run(memory, client, "EXEC") == [None, 1, 2]
    assert late == [(waiting.id, [b"l", b"a"])]


def test_a_client_that_is_gone_takes_nothing() -> None:
    """The element stays for the next."""
    memory, late = Memory(), list[tuple[int, object]]()
    gone, pusher = memory.new_client(), memory.new_client()
    gone.deliver = partial(_note, late, gone.id)
    run(memory, gone, "BLPOP l 0")
    memory.unblock(gone)
    run(memory, pusher, "RPUSH l a")
    assert (late, run(memory, pusher, "LPOP l")) == ([], b"a")


@pytest.mark.parametrize("timeout", ["-1", "x", "nan", "inf"])
def test_a_timeout_that_is_none(timeout: str) -> None:
    """It is refused at once."""
    memory = Memory()
    client = memory.new_client()
    assert "timeout" in str(run(memory, client, f"BLPOP l {timeout}"))
    assert not client.blocked


def test_an_expired_key_counts_as_changed() -> None:
    """For the WATCH that saw it alive; it is deleted before the next command."""
    clock = VirtualClock(0)
    memory = Memory(clock=clock)
    client = memory.new_client()
    for line in ("SET k v EX 10", "WATCH k", "MULTI", "GET k"):
        run(memory, client, line)
    clock.advance(9.999)
    assert b"k" in memory.databases[0]
    clock.advance(0.001)
    assert run(memory, client, "EXEC") is None
    assert run(memory, client, "DBSIZE") == 0


def test_users_have_to_log_in() -> None:
    """Until then nothing else is answered."""
    memory = Memory({"default": "secret", "me": "mine"})
    client = memory.new_client()
    assert isinstance(run(memory, client, "GET k"), AuthenticationError)
    assert isinstance(run(memory, client, "HELLO 3"), AuthenticationError)
    assert isinstance(run(memory, client, "AUTH wrong"), AuthenticationError)
    assert run(memory, client, "AUTH secret") == "OK"
    assert run(memory, client, "GET k") is None
    other = memory.new_client()
    assert isinstance(run(memory, other, "HELLO 3 AUTH me wrong"), AuthenticationError)
    assert isinstance(run(memory, other, "HELLO 3 AUTH me mine SETNAME x"), dict)
    assert (other.user, other.name, other.protocol) == ("me", b"x", 3)


@pytest.mark.parametrize(
    ("line", "unknown", "script"),
    [
        ("GEOADD g 1 2 m", "GEOADD", "GEOADD"),
        ("SET k v IFEQ w", "SET IFEQ", "SET"),
        ("CLIENT LIST", "CLIENT LIST", "CLIENT"),
    ],
)
def test_what_it_does_not_know(line: str, unknown: str, script: str) -> None:
    """It names the command or the option, and the two ways on."""
    memory = Memory()
    answer = run(memory, memory.new_client(), line)
    assert isinstance(answer, ResponseError)
    wanted = f'the fake does not know {unknown}: script it with server.on("{script}", ...), or '
    assert wanted + "use anyredis_server" in str(answer)


def test_it_counts_what_it_ran() -> None:
    """Commands in a transaction count when EXEC runs them; refused ones do not count."""
    memory = Memory()
    client = memory.new_client()
    for line in ("MULTI", "INCR n", "INCR n"):
        run(memory, client, line)
    assert memory.ran[b"INCR"] == 0
    run(memory, client, "EXEC")
    assert memory.ran[b"INCR"] == 2
