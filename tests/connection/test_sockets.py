"""Tests of `anyredis.connection.sockets`: connecting, and nothing left open by it."""

from __future__ import annotations

import errno
import gc
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute

from anyredis import Connection, ConnectionError, ConnectTimeoutError
from anyredis.connection import sockets
from anyredis.connection.direct_streams import open_tcp, open_unix
from anyredis.connection.lane import LaneStream
from anyredis.connection.sockets import connected_tcp, connected_unix, in_turn, read_now
from tests.blocked_tasks import all_tasks_blocked
from tests.connection.lanes import tcp_pair, until

HOST = "127.0.0.1"


class Recorded(socket.socket):
    """A socket that is found again."""

    made: list[Recorded] = []  # noqa: RUF012 - emptied for each test

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.made.append(self)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """All sockets that are made while connecting."""
    Recorded.made.clear()
    module = SimpleNamespace(**{**vars(socket), "socket": Recorded})
    monkeypatch.setattr(sockets, "socket", module)
    return Recorded.made


def all_closed(made: list[Recorded]) -> bool:
    """Whether there were sockets, and all are closed."""
    return bool(made) and all(each.fileno() < 0 for each in made)


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def refusing_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose backlog is full, so that connecting to it takes for ever."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        where = listener.getsockname()
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(where)
        yield where[1]


def found_at(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let each name have an address for each of *ports*."""

    async def look_up(host: str, port: int, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (HOST, each)) for each in ports]

    monkeypatch.setattr(anyio, "getaddrinfo", look_up)


# -- TCP ----------------------------------------------------------------------------------------


async def test_a_connected_socket(port: int, made: list[Recorded]) -> None:
    """It does not block, and only one was made."""
    sock = await connected_tcp(HOST, port)
    assert not sock.getblocking()
    assert sock.getpeername() == (HOST, port)
    assert made == [sock]
    sock.close()


async def test_a_refused_one_is_closed(refusing_port: int, made: list[Recorded]) -> None:
    """The error is that of the system."""
    with pytest.raises(ConnectionRefusedError):
        await connected_tcp(HOST, refusing_port)
    assert all_closed(made)
    with pytest.raises(
        ConnectionError, match=f"cannot connect to {HOST}:{refusing_port}: .*efused"
    ):
        await Connection(host=HOST, port=refusing_port).connect()


async def test_a_name_that_does_not_exist() -> None:
    """The lookup fails, which is an error of connecting."""
    with pytest.raises(ConnectionError, match=r"cannot connect to no-such-host\.invalid"):
        await Connection(host="no-such-host.invalid").connect()


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "a\0b"])
async def test_a_name_that_is_none(host: str) -> None:
    """It is an error of connecting, too."""
    with pytest.raises(ConnectionError, match="cannot connect to"):
        await Connection(host=host).connect()


async def test_the_next_address_after_a_refusal(
    port: int, refusing_port: int, made: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried at once."""
    monkeypatch.setattr(sockets, "NEXT_ADDRESS_AFTER", 1000.0)
    found_at(monkeypatch, refusing_port, port)
    sock = await connected_tcp("name", port)
    assert sock.getpeername()[1] == port
    assert made[0].fileno() < 0
    sock.close()


async def test_the_next_address_beside_a_silent_one(
    port: int, silent_port: int, made: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried after a moment; the socket that did not answer is closed."""
    monkeypatch.setattr(sockets, "NEXT_ADDRESS_AFTER", 0.01)
    found_at(monkeypatch, silent_port, port, port + 1)
    sock = await connected_tcp("name", port)
    assert sock.getpeername()[1] == port
    sock.close()
    assert all_closed(made)


async def test_every_address_fails(
    refusing_port: int, made: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the reason of each."""
    found_at(monkeypatch, refusing_port, 1)
    connection = Connection(host="name", port=refusing_port)
    with pytest.raises(ConnectionError, match=r"onnection refused; .*onnection refused"):
        await connection.connect()
    assert all_closed(made)


async def test_two_that_answer_in_the_same_moment(
    port: int, made: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is used, the other is closed."""
    monkeypatch.setattr(sockets, "NEXT_ADDRESS_AFTER", 0.001)
    found_at(monkeypatch, port, port + 1)
    go, waiting = anyio.Event(), 0

    async def connect(_address: sockets.Address) -> socket.socket:
        nonlocal waiting
        sock = Recorded()
        waiting += 1
        try:
            await go.wait()
        except BaseException:
            sock.close()
            raise
        return sock

    monkeypatch.setattr(sockets, "_connected", connect)
    found: list[socket.socket] = []

    async def connect_by_name() -> None:
        found.append(await connected_tcp("name", port))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect_by_name)
        await until(lambda: waiting == 2)
        go.set()
    assert [each for each in made if each.fileno() >= 0] == found
    found[0].close()


async def test_a_cancellation_in_the_moment_of_the_answer(
    port: int, made: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """G8: the socket that has just been connected is closed, because nobody gets it."""
    found_at(monkeypatch, port, port + 1)
    outer = anyio.CancelScope()

    async def connect(_address: sockets.Address) -> socket.socket:
        outer.cancel()
        return Recorded()

    monkeypatch.setattr(sockets, "_connected", connect)
    with outer:
        await connected_tcp("name", port)
    assert outer.cancelled_caught
    assert all_closed(made)


def unchanged(addresses: list[sockets.Address]) -> list[sockets.Address]:
    """*addresses*, though they are the same."""
    return addresses


@pytest.mark.parametrize("addresses", [1, 3])
async def test_a_connect_that_is_cancelled(
    silent_port: int, addresses: int, made: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """G8: all its sockets are closed."""
    monkeypatch.setattr(sockets, "NEXT_ADDRESS_AFTER", 0.001)
    found_at(monkeypatch, *[silent_port] * addresses)
    monkeypatch.setattr(sockets, "in_turn", unchanged)
    host = HOST if addresses == 1 else "name"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connected_tcp, host, silent_port)
        await until(lambda: len(made) == addresses)
        await all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert all_closed(made)


async def test_a_connect_that_takes_too_long(silent_port: int, made: list[Recorded]) -> None:
    """`connect_timeout` bounds it."""
    with pytest.raises(ConnectTimeoutError):
        await Connection(host=HOST, port=silent_port, connect_timeout=0.05).connect()
    assert all_closed(made)


@pytest.mark.parametrize("steps", range(12))
async def test_opening_that_is_cancelled_at_any_step(
    port: int, steps: int, made: list[Recorded]
) -> None:
    """G8: the socket is closed, also in the moment in which the event loop takes it over."""
    opened: list[LaneStream] = []

    async def open_one() -> None:
        opened.append(await open_tcp(HOST, port))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_one)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    for stream in opened:
        await stream.aclose()
    await until(lambda: not made or all_closed(made))
    made.clear()
    gc.collect()  # a transport that nobody closed would warn


def test_families_take_turns() -> None:
    """In the order of the resolver, beginning with the family of its first address; none twice."""
    four, six = socket.AF_INET, socket.AF_INET6
    found: list[sockets.Address] = [(six, 1), (six, 2), (six, 2), (four, 3), (six, 4), (four, 5)]
    assert in_turn(found) == [(six, 1), (four, 3), (six, 2), (four, 5), (six, 4)]


# -- Unix ---------------------------------------------------------------------------------------


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


async def test_a_unix_socket(directory: Path, made: list[Recorded]) -> None:
    """It does not block; a path at which there is none is an error."""
    path = str(directory / "s")
    with pytest.raises(FileNotFoundError):
        await connected_unix(path)
    assert all_closed(made)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        async with await open_unix(path) as stream:
            assert stream.extra(SocketAttribute.remote_address) == path
            assert stream.extra(SocketAttribute.remote_port, None) is None
    with pytest.raises(ConnectionRefusedError):
        await connected_unix(path)
    with pytest.raises(OSError, match="too long"):
        await connected_unix("x" * 300)


async def test_a_unix_socket_whose_backlog_is_full(directory: Path, made: list[Recorded]) -> None:
    """It is connected once there is room; if that is given up before, nothing stays open."""
    path = str(directory / "s")
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        while True:
            filler = stack.enter_context(socket.socket(socket.AF_UNIX))
            filler.setblocking(False)
            if filler.connect_ex(path) == errno.EAGAIN:
                break
        made.clear()
        with anyio.move_on_after(0.05) as scope:
            await connected_unix(path)
        assert scope.cancelled_caught
        assert all_closed(made)
        connected: list[socket.socket] = []

        async def connect() -> None:
            connected.append(await connected_unix(path))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connect)
            await anyio.sleep(0.03)
            assert not connected
            while not connected:
                listener.setblocking(False)
                try:
                    accepted, _ = listener.accept()
                except BlockingIOError:
                    await anyio.sleep(0.001)
                else:
                    stack.enter_context(accepted)
        assert connected[0].getpeername() == path
        connected[0].close()


# -- connected ----------------------------------------------------------------------------------


async def test_reading_without_waiting() -> None:
    """All that has arrived, up to the end or an error."""
    ours, peer = tcp_pair()
    assert read_now(ours) == b""
    peer.sendall(b"x" * 600_000)
    peer.close()
    found = b""
    while len(found) < 600_000:
        found += read_now(ours)
    assert found == b"x" * 600_000
    assert read_now(ours) == b""
    ours.close()
    assert read_now(ours) == b""


async def test_the_attributes_of_a_stream(port: int) -> None:
    """Those that anyio's own streams have."""
    async with await open_tcp(HOST, port) as stream:
        reference = await anyio.connect_tcp(HOST, port)
        async with reference:
            raw: Any = stream.extra(SocketAttribute.raw_socket)
            assert raw.getpeername() == (HOST, port)
            given: Any = stream  # the keys of the attributes have no types
            assert given.extra_attributes.keys() >= reference.extra_attributes.keys()
            for attribute in (
                SocketAttribute.family,
                SocketAttribute.remote_address,
                SocketAttribute.remote_port,
            ):
                assert stream.extra(attribute) == reference.extra(attribute)
            local = stream.extra(SocketAttribute.local_address)
            assert local == (HOST, stream.extra(SocketAttribute.local_port))
