"""Tests of `anyredis.connection.tcp`: connections over TCP, with and without TLS."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream, TaskStatus

from anyredis import (
    Connection,
    ConnectionError,
    ConnectTimeoutError,
    ProtocolError,
    Redis,
    TCPAddress,
)
from anyredis.connection.direct_streams import stream_over
from anyredis.connection.lane import LaneStream
from anyredis.connection.tls_lane import TLSLane
from anyredis.sentinel.sentinel_connection import SentinelConnection
from anyredis.server import Server, TLSFiles, run
from tests.connection.lanes import tcp_pair
from tests.servers import Certificates, redis_tls_binary


async def test_small_packets_are_sent_at_once(valkey: Server) -> None:
    """TCP_NODELAY and keep-alive are on."""
    stream = await Connection(host=valkey.host, port=valkey.port).open_stream()
    async with stream:
        raw: Any = stream.extra(SocketAttribute.raw_socket)
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_localhost_is_found_by_name(valkey: Server) -> None:
    """Happy eyeballs: ::1 refuses, 127.0.0.1 answers."""
    async with Redis("localhost", valkey.port) as client:
        assert await client.ping()


def test_an_ipv6_address_has_brackets() -> None:
    """It is written as in a URL."""
    assert Connection(host="::1", port=7000).address == "[::1]:7000"


async def test_tls_by_arguments(redis_tls: Server, certificates: Certificates) -> None:
    """ssl=True with a CA verifies the server, by name and by address (G15)."""
    for host in ("localhost", "127.0.0.1"):
        async with Redis(
            host, redis_tls.port, ssl=True, ssl_ca_certs=str(certificates.ca)
        ) as client:
            await client.set("k", host)
            assert await client.get("k") == host.encode()


async def test_tls_has_a_direct_lane(redis_tls: Server) -> None:
    """An ordinary command wakes no task but that of its caller."""
    async with Redis("localhost", redis_tls.port, ssl=True, ssl_cert_reqs="none") as client:
        await client.ping()
        [connection] = client.connection_pool.connections()
        assert isinstance(connection._lane, TLSLane)


@pytest.mark.parametrize(
    ("host", "expected"), [("localhost", "localhost"), ("straße.example", "xn--strae-oqa.example")]
)
async def test_the_name_that_is_verified(
    host: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G15: the certificate has to be for the name that was looked up, also if that is not ASCII."""
    names: list[str | bytes | None] = []

    async def open_tcp(_host: str, _port: int) -> LaneStream:
        ours, peer = tcp_pair()
        peer.sendall(b"not TLS")
        peer.close()
        return await stream_over(ours)

    class Context(ssl.SSLContext):
        def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
            made = super().wrap_bio(*args, **options)
            names.append(made.server_hostname)
            return made

    monkeypatch.setattr("anyredis.connection.tcp.open_tcp", open_tcp)
    connection = Connection(host=host, ssl_context=Context(ssl.PROTOCOL_TLS_CLIENT))
    with pytest.raises(ConnectionError):
        await connection.connect()
    assert names == [expected]


async def test_tls_by_url(redis_tls: Server, certificates: Certificates) -> None:
    """rediss:// and valkeys:// mean TLS; the ssl_* arguments are query parameters."""
    for scheme in ("rediss", "valkeys"):
        url = f"{scheme}://localhost:{redis_tls.port}?ssl_ca_certs={certificates.ca}"
        async with Redis.from_url(url) as client:
            assert await client.ping()


async def test_tls_by_context(redis_mtls: Server, certificates: Certificates) -> None:
    """An ssl_context replaces the ssl_* arguments, here with a client certificate."""
    async with Redis(
        "localhost", redis_mtls.port, ssl_context=certificates.client_context()
    ) as client:
        assert await client.ping()


async def test_mutual_tls_by_arguments(redis_mtls: Server, certificates: Certificates) -> None:
    """ssl_certfile and ssl_keyfile show a client certificate."""
    async with Redis(
        "localhost",
        redis_mtls.port,
        ssl=True,
        ssl_ca_certs=str(certificates.ca),
        ssl_certfile=str(certificates.client_cert),
        ssl_keyfile=str(certificates.client_key),
    ) as client:
        assert await client.ping()


async def test_mutual_tls_without_a_certificate(
    redis_mtls: Server, certificates: Certificates
) -> None:
    """The server closes the connection, and the error names the address."""
    async with Redis(
        "localhost", redis_mtls.port, ssl=True, ssl_ca_certs=str(certificates.ca), retry=None
    ) as client:
        with pytest.raises(ConnectionError, match=f"cannot connect to localhost:{redis_mtls.port}"):
            await client.ping()


async def test_a_certificate_of_a_stranger(redis_tls: Server, certificates: Certificates) -> None:
    """G15: a certificate that the CA did not sign is refused before any command is sent."""
    async with Redis(
        "localhost",
        redis_tls.port,
        password="hunter2",
        ssl=True,
        ssl_ca_certs=str(certificates.stranger_ca),
        retry=None,
    ) as client:
        with pytest.raises(ConnectionError, match="certificate does not verify"):
            await client.ping()


async def test_without_a_ca_the_systems_are_used(redis_tls: Server) -> None:
    """G15: ssl=True alone verifies, and refuses the test certificate."""
    async with Redis("localhost", redis_tls.port, ssl=True, retry=None) as client:
        with pytest.raises(ConnectionError, match="certificate does not verify"):
            await client.ping()


@pytest.mark.server
async def test_a_certificate_of_another_host(certificates: Certificates) -> None:
    """G15: the host name is verified, unless told otherwise."""
    files: TLSFiles = certificates.wrong_host_files()
    async with run(binary=redis_tls_binary(), tls=files) as server:
        arguments: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(certificates.ca)}
        async with Redis("localhost", server.port, retry=None, **arguments) as client:
            with pytest.raises(ConnectionError, match=r"certificate does not verify.*ostname"):
                await client.ping()
        async with Redis("localhost", server.port, ssl_check_hostname=False, **arguments) as client:
            assert await client.ping()


async def test_verification_can_be_turned_off(redis_tls: Server) -> None:
    """ssl_cert_reqs="none" accepts any certificate."""
    async with Redis("localhost", redis_tls.port, ssl=True, ssl_cert_reqs="none") as client:
        assert await client.ping()


async def test_tls_to_a_server_without(valkey: Server) -> None:
    """It is an error, not a hang."""
    async with Redis(
        valkey.host, valkey.port, ssl=True, ssl_cert_reqs="none", connect_timeout=1, retry=None
    ) as client:
        with pytest.raises(ConnectionError, match="cannot connect to"):
            await client.ping()


async def test_no_tls_to_a_server_with(redis_tls: Server) -> None:
    """It is an error, not a hang."""
    async with Redis("localhost", redis_tls.port, retry=None) as client:
        with pytest.raises(Exception, match=f"localhost:{redis_tls.port}") as caught:
            await client.ping()
    assert type(caught.value).__module__ == "anyredis.exceptions"


async def test_a_tls_handshake_that_hangs_is_timed_out() -> None:
    """connect_timeout bounds it, and the socket is closed (G8)."""
    hung_up = anyio.Event()

    async def swallow(*, task_status: TaskStatus[int]) -> None:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            task_status.started(listener.extra(SocketAttribute.local_port))

            async def serve(stream: anyio.abc.SocketStream) -> None:
                async with stream:
                    async for _ in stream:
                        pass
                hung_up.set()

            await listener.serve(serve)

    async with anyio.create_task_group() as tasks:
        port = await tasks.start(swallow)
        async with Redis("127.0.0.1", port, ssl=True, connect_timeout=0.05) as client:
            with pytest.raises(ConnectTimeoutError):
                await client.ping()
            await hung_up.wait()
        tasks.cancel_scope.cancel()


async def test_large_values_over_tls(redis_tls: Server, certificates: Certificates) -> None:
    """G1: many megabytes arrive complete in both directions, among small commands."""
    value = bytes(range(256)) * (40 * 1024)

    async def same() -> None:
        assert await client.get("large") == value

    async def mine(number: int) -> None:
        assert await client.echo(number) == str(number).encode()

    async with Redis(
        "localhost", redis_tls.port, ssl=True, ssl_ca_certs=str(certificates.ca)
    ) as client:
        await client.set("large", value)
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(same)
                tasks.start_soon(mine, number)


# -- TLS on one side only -----------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3])
async def test_plain_to_a_port_that_speaks_tls(redis_tls: Server, protocol: int) -> None:
    """The error says how to ask for TLS."""
    message = r"if that port speaks TLS, give ssl=True, or write rediss://"
    async with Redis("localhost", redis_tls.port, protocol=protocol, retry=None) as client:
        with pytest.raises(ConnectionError, match=message):
            await client.ping()


async def test_tls_to_a_port_without_it(valkey: Server) -> None:
    """Servers without TLS wait for a line that never comes: the error at the end says so."""
    options: dict[str, Any] = {"ssl": True, "ssl_cert_reqs": "none", "connect_timeout": 1}
    message = r"within 1 s: the server does not answer in TLS: .* leave out ssl=True"
    async with Redis(valkey.host, valkey.port, retry=None, **options) as client:
        with pytest.raises(ConnectTimeoutError, match=message):
            await client.ping()


@pytest.mark.parametrize(
    ("answer", "options", "message"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", {}, "if that port speaks TLS, give ssl=True"),
        (b"", {}, "the server closed it: if that port speaks TLS, give ssl=True"),
        (b"-ERR unknown command\r\n", {"ssl": True}, "leave out ssl=True"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", {"ssl": True}, "leave out ssl=True"),
    ],
)
async def test_what_other_servers_answer(
    answer: bytes, options: dict[str, Any], message: str
) -> None:
    """An alert of TLS, an end without a word and an answer in plain text are recognised."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if answer:
                await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(SocketAttribute.local_port)
        connection = Connection(host="127.0.0.1", port=port, **options)
        with pytest.raises((ConnectionError, ProtocolError), match=message):
            await connection.connect()
        tasks.cancel_scope.cancel()


def test_other_failures_have_no_advice_about_tls() -> None:
    """A refused connection, a slow server and a bad certificate have other reasons."""
    plain, encrypted = Connection(), Connection(ssl=True)
    for error in (OSError("refused"), TimeoutError(), ssl.SSLCertVerificationError("bad")):
        assert plain.hint(error) == encrypted.hint(error) == ""
    assert encrypted.hint(anyio.EndOfStream()) == ""
    sentinel = SentinelConnection(TCPAddress("h", 1), ())
    assert "give sentinel_ssl=True" in sentinel.hint(anyio.EndOfStream())
