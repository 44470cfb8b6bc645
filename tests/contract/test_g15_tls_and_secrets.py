"""G15: TLS verifies by default, and passwords appear nowhere."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anyredis import (
    AuthenticationError,
    ConnectionError,
    ConnectionPool,
    Credentials,
    DataError,
    Redis,
    RedisError,
)
from anyredis.address import parse_url
from anyredis.pool.standalone import url_parameters
from anyredis.server import Server, run
from tests.contract.clients_and_taps import client_of
from tests.servers import Certificates, redis_tls_binary, valkey_binary

SECRET = "hunter2-and-more"


# -- TLS ----------------------------------------------------------------------------------------


async def refused(client: Redis[bytes], reason: str) -> None:
    """Assert that *client* cannot connect, for *reason*."""
    async with client:
        with pytest.raises(ConnectionError, match=reason):
            await client.ping()


async def works(client: Redis[bytes]) -> None:
    """Assert that *client* can connect."""
    async with client:
        assert await client.ping()


async def test_an_untrusted_certificate_is_refused(redis_tls: Server) -> None:
    """G15: a certificate without a trusted signature is refused."""
    await refused(client_of(redis_tls, retry=None, ssl=True), "certificate does not verify")
    await refused(Redis.from_url(redis_tls.url, retry=None), "certificate does not verify")


async def test_a_trusted_certificate_is_accepted(
    redis_tls: Server, certificates: Certificates
) -> None:
    """G15: a certificate of a given authority is accepted, for each option that gives it."""
    ca = str(certificates.ca)
    await works(client_of(redis_tls, ssl=True, ssl_ca_certs=ca))
    await works(client_of(redis_tls, ssl=True, ssl_ca_data=certificates.ca.read_text()))
    await works(client_of(redis_tls, ssl_context=certificates.client_context()))
    await works(Redis.from_url(f"{redis_tls.url}?ssl_ca_certs={ca}"))
    await works(Redis.from_url(redis_tls.url.replace("rediss", "valkeys"), ssl_ca_certs=ca))


@pytest.mark.server
async def test_another_host_is_refused(certificates: Certificates) -> None:
    """G15: a valid certificate for another host is refused by default."""
    ca = str(certificates.ca)
    async with run(binary=redis_tls_binary(), tls=certificates.wrong_host_files()) as server:
        await refused(
            client_of(server, retry=None, ssl=True, ssl_ca_certs=ca), "certificate does not verify"
        )
        await works(client_of(server, ssl=True, ssl_ca_certs=ca, ssl_check_hostname=False))


async def test_verification_can_be_turned_off(redis_tls: Server) -> None:
    """G15: `ssl_cert_reqs="none"` accepts any certificate."""
    await works(client_of(redis_tls, ssl=True, ssl_cert_reqs="none"))
    await works(Redis.from_url(f"{redis_tls.url}?ssl_cert_reqs=none"))


async def test_mutual_tls(redis_mtls: Server, certificates: Certificates) -> None:
    """G15: a server that requires a client certificate gets it; otherwise it refuses."""
    ca = str(certificates.ca)
    key, cert = str(certificates.client_key), str(certificates.client_cert)
    await works(
        client_of(redis_mtls, ssl=True, ssl_ca_certs=ca, ssl_certfile=cert, ssl_keyfile=key)
    )
    await refused(client_of(redis_mtls, retry=None, ssl=True, ssl_ca_certs=ca), "cannot connect")
    key, cert = str(certificates.stranger_key), str(certificates.stranger_cert)
    await refused(
        client_of(
            redis_mtls, retry=None, ssl=True, ssl_ca_certs=ca, ssl_certfile=cert, ssl_keyfile=key
        ),
        "cannot connect",
    )


async def test_tls_to_a_server_without_tls(valkey: Server) -> None:
    """G15: it fails; the client never continues without encryption."""
    await refused(client_of(valkey, retry=None, ssl=True, connect_timeout=1), "cannot connect")


# -- secrets ------------------------------------------------------------------------------------


def traceback_text(error: BaseException) -> str:
    """The text of a traceback of *error* and its causes."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))


def providing() -> Credentials:
    """Wrong credentials."""
    return Credentials("somebody", SECRET)


def pair() -> tuple[str, str]:
    """Wrong credentials."""
    return "somebody", SECRET


LOGINS: dict[str, dict[str, Any]] = {
    "password": {"password": SECRET},
    "username": {"username": "somebody", "password": SECRET},
    "provider": {"credential_provider": providing},
    "pair": {"credential_provider": pair},
}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("login", LOGINS.values(), ids=[*LOGINS])
async def test_a_wrong_password_is_not_shown(
    locked_valkey: Server, login: dict[str, Any], protocol: int, caplog: pytest.LogCaptureFixture
) -> None:
    """G15: no repr, log line or traceback message shows it."""
    caplog.set_level(logging.DEBUG)
    client = Redis(locked_valkey.host, locked_valkey.port, protocol=protocol, **login)
    assert SECRET not in repr(client)
    async with client:
        with pytest.raises(AuthenticationError) as caught:
            await client.ping()
        assert SECRET not in repr(client)
        assert SECRET not in repr(client.connection_pool)
    assert SECRET not in traceback_text(caught.value)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.server
async def test_a_server_that_repeats_the_password(protocol: int) -> None:
    """G15: a server without AUTH repeats the password in an error; the client hides it."""
    hidden = ("--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
    async with run(binary=valkey_binary(), unix_socket=True, arguments=hidden) as server:
        client = client_of(server, password=SECRET, protocol=protocol)
        async with client:
            with pytest.raises(RedisError) as caught:
                await client.ping()
        assert SECRET not in traceback_text(caught.value)


async def test_a_right_password_is_not_shown(
    locked_valkey: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """G15: no repr of a working client contains one."""
    caplog.set_level(logging.DEBUG)
    password = "open sesame"
    async with client_of(locked_valkey, password=password) as client:
        await client.ping()
        async with client.session() as session:
            assert await session.auth(password)
            things = [client, client.connection_pool, session, session.connection]
            assert all(password not in repr(each) for each in things)
        assert password not in repr(Credentials("me", password))
    assert password not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@localhost:port/0",
        f"redis://me:{SECRET}@localhost/db",
        f"redis://me:{SECRET}@localhost/0?db=1",
        f"redis://me:{SECRET}@localhost/0?unknown=1",
        f"redis://me:{SECRET}@[localhost/0",
        f"redis://me:{SECRET}\u2100@localhost/0",
        f"redis://localhost/0?password={SECRET}&password={SECRET}",
        f"redis://localhost/0?password={SECRET}&db=x",
        f"http://me:{SECRET}@localhost/0",
    ],
)
def test_the_error_of_a_wrong_url_has_no_password(url: str) -> None:
    """G15: the message names the wrong part; the error is a `DataError`."""

    def parse(url: str) -> object:
        return parse_url(url, url_parameters())

    calls: list[Callable[[str], object]] = [Redis.from_url, ConnectionPool.from_url, parse]
    for call in calls:
        with pytest.raises(DataError) as caught:
            call(url)
        assert SECRET not in traceback_text(caught.value).replace(f"parse_url({url!r})", "")


async def test_a_password_of_the_wrong_type_is_not_shown(locked_valkey: Server) -> None:
    """G15: the message about a password that cannot be sent does not contain it."""
    wrong: Any = [SECRET]
    with pytest.raises(DataError) as caught:
        client_of(locked_valkey, password=wrong)
    assert SECRET not in traceback_text(caught.value)
    async with client_of(locked_valkey, password="open sesame") as client:
        calls: list[Callable[[Any], Awaitable[object]]] = []
        async with client.session() as session:
            calls = [session.auth, lambda password: session.execute_command("AUTH", password)]
            for call in calls:
                with pytest.raises(DataError) as refusal:
                    await call(wrong)
                assert SECRET not in traceback_text(refusal.value)
