"""Tests of `anyredis.connection.tls`: contexts from the `ssl_*` arguments."""

from __future__ import annotations

import inspect
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from anyredis import ClusterConnectionPool, Connection, ConnectionPool, Redis, Sentinel
from anyredis.connection import tls
from anyredis.connection.options import TLSOptions
from anyredis.connection.tls import RenewableContext, take_context, tls_context
from anyredis.exceptions import ConnectionError, DataValueError
from anyredis.server import Server
from tests.servers import Certificates


def test_the_default_verifies() -> None:
    """G15: certificate and host name are checked unless told otherwise."""
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("requirement", "mode", "checks_name"),
    [
        ("required", ssl.CERT_REQUIRED, True),
        ("optional", ssl.CERT_OPTIONAL, True),
        ("none", ssl.CERT_NONE, False),
    ],
)
def test_verification(requirement: str, mode: ssl.VerifyMode, checks_name: bool) -> None:
    """Without a certificate there is no name to check."""
    context = tls_context(ssl_cert_reqs=requirement)
    assert context.verify_mode is mode
    assert context.check_hostname is checks_name


def test_the_name_alone_may_go_unchecked() -> None:
    """The certificate is still verified."""
    context = tls_context(ssl_check_hostname=False)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname


def test_versions_and_ciphers() -> None:
    """Both reach the context."""
    context = tls_context(
        ssl_min_version=ssl.TLSVersion.TLSv1_3, ssl_ciphers="ECDHE-RSA-AES256-GCM-SHA384"
    )
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert "ECDHE-RSA-AES256-GCM-SHA384" in {each["name"] for each in context.get_ciphers()}


def test_authorities_by_data(certificates: Certificates) -> None:
    """PEM text works like a file; only its authorities are trusted."""
    context = tls_context(ssl_ca_data=certificates.ca.read_text())
    assert len(context.get_ca_certs()) == 1
    assert len(tls_context(ssl_ca_certs=str(certificates.ca)).get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ssl_cert_reqs": "maybe"}, "one of 'required', 'optional', 'none', not 'maybe'"),
        ({"ssl_keyfile": "key.pem"}, "ssl_keyfile needs ssl_certfile"),
        ({"ssl_ca_certs": "/no/such/ca.pem"}, "/no/such/ca.pem"),
        ({"ssl_certfile": "/no/such/cert.pem"}, "/no/such/cert.pem"),
        ({"ssl_ciphers": "NONE-SUCH"}, "cannot be used"),
    ],
)
def test_invalid_arguments_are_named(arguments: TLSOptions, message: str) -> None:
    """The error names the contradiction or the missing file."""
    with pytest.raises(DataValueError, match=message):
        tls_context(**arguments)


def test_a_file_that_is_no_pem(tmp_path: Path) -> None:
    """The error names it, too."""
    path = tmp_path / "odd.pem"
    path.write_text("nothing")
    with pytest.raises(DataValueError, match=r"odd\.pem"):
        tls_context(ssl_ca_certs=str(path))


def test_a_key_that_does_not_belong_to_the_certificate(certificates: Certificates) -> None:
    """OpenSSL detects it, and the error names the files."""
    with pytest.raises(DataValueError, match="client_cert"):
        tls_context(
            ssl_certfile=str(certificates.client_cert), ssl_keyfile=str(certificates.server_key)
        )


def test_the_table_of_options_is_that_of_the_function() -> None:
    """`tls_context` takes exactly the keys of `TLSOptions`."""
    assert set(TLSOptions.__annotations__) == set(inspect.signature(tls_context).parameters)


def test_requirements_of_the_ssl_module() -> None:
    """`ssl.CERT_…` means what it means to redis-py."""
    for mode in ssl.VerifyMode:
        assert tls_context(ssl_cert_reqs=mode).verify_mode is mode
    assert not tls_context(ssl_cert_reqs=ssl.CERT_NONE).check_hostname


def test_none_is_not_given() -> None:
    """Settings of None need no TLS; None as a requirement, "none" for redis-py, is refused."""
    nothing: dict[str, Any] = dict.fromkeys(TLSOptions.__annotations__)
    requirement = nothing.pop("ssl_cert_reqs")
    assert take_context(dict(nothing)) is None
    assert take_context({**nothing, "ssl": False}) is None
    context = take_context({**nothing, "ssl": True})
    assert isinstance(context, RenewableContext)
    assert context.made.check_hostname
    with pytest.raises(DataValueError, match="ssl_cert_reqs has to be one of"):
        take_context({"ssl": True, "ssl_cert_reqs": requirement})


# -- renewed certificates -----------------------------------------------------------------------


@pytest.fixture
def files(certificates: Certificates, tmp_path: Path) -> dict[str, str]:
    """The `ssl_*` arguments of a client whose certificate its server does not trust yet."""
    use(tmp_path, certificates.stranger_cert, certificates.stranger_key)
    return {
        "ssl_ca_certs": str(certificates.ca),
        "ssl_certfile": str(tmp_path / "cert.pem"),
        "ssl_keyfile": str(tmp_path / "key.pem"),
    }


def use(folder: Path, cert: Path, key: Path) -> None:
    """Put *cert* and *key* in the place of those in *folder*, as a renewal does: by renaming."""
    for source, name in ((cert, "cert.pem"), (key, "key.pem")):
        (folder / "new").write_bytes(source.read_bytes())
        (folder / "new").rename(folder / name)


@pytest.mark.parametrize("way", ["client", "pool", "url"])
async def test_a_renewed_certificate_is_used(
    redis_mtls: Server,
    certificates: Certificates,
    files: dict[str, Any],
    tmp_path: Path,
    way: str,
) -> None:
    """The next connection shows the certificate that is in the file now, whoever got its name."""
    host, port = redis_mtls.host, redis_mtls.port
    query = "&".join(f"{name}={value}" for name, value in files.items())
    made: dict[str, Callable[[], Redis[bytes]]] = {
        "client": lambda: Redis(host, port, ssl=True, retry=None, **files),
        "pool": lambda: Redis(
            connection_pool=ConnectionPool(host=host, port=port, ssl=True, **files), retry=None
        ),
        "url": lambda: Redis.from_url(f"rediss://{host}:{port}?{query}", retry=None),
    }
    async with made[way]() as client:
        with pytest.raises(ConnectionError):
            await client.ping()
        use(tmp_path, certificates.client_cert, certificates.client_key)
        assert await client.ping()


def source_of(connection: Connection) -> RenewableContext:
    """The source of the TLS context of *connection*."""
    assert connection._renewable is not None
    return connection._renewable


def test_connections_of_a_pool_share_one_source(files: dict[str, Any]) -> None:
    """Clients, pools, clusters and sentinels read the files once for all connections."""
    pool: Any = ConnectionPool(ssl=True, **files)
    cluster = ClusterConnectionPool(ssl=True, **files)
    seed = cluster.seeds[0]
    of_sentinels = {f"sentinel_{name}": value for name, value in files.items()}
    sentinels: Any = Sentinel(["h:1"], name="n", sentinel_ssl=True, **of_sentinels)._sentinels
    primary: Any = Sentinel(["h:1"], name="n", ssl=True, **files).primary_for().connection_pool
    client: Any = Redis(ssl=True, **files).connection_pool
    address = sentinels.addresses[0]
    for make in (
        pool._construct,
        client._construct,
        primary._construct,
        lambda: cluster.construct(seed),
        lambda: sentinels.connection_to(address),
    ):
        assert source_of(make()) is source_of(make())


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One entry for each time that files are read."""
    found: list[object] = []

    def counted(**details: Any) -> ssl.SSLContext:
        found.append(details)
        return tls_context(**details)

    monkeypatch.setattr(tls, "tls_context", counted)
    return found


async def test_files_are_read_only_if_they_changed(
    certificates: Certificates, files: dict[str, Any], tmp_path: Path, reads: list[object]
) -> None:
    """An unchanged file is not read again; a changed one is, once."""
    source = RenewableContext(**files)
    first = await source.current()
    assert await source.current() is first
    assert len(reads) == 1
    use(tmp_path, certificates.client_cert, certificates.client_key)
    second = await source.current()
    assert second is not first
    assert await source.current() is second
    assert len(reads) == 2


async def test_a_connect_that_is_cancelled_while_files_are_read(
    certificates: Certificates,
    files: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """G8: it ends once they are read; the next connect uses the new context, read once."""
    source = RenewableContext(**files)
    old = source.made
    use(tmp_path, certificates.client_cert, certificates.client_key)
    reading, may_read = threading.Event(), threading.Event()
    count = 0

    def slowly(**details: Any) -> ssl.SSLContext:
        nonlocal count
        count += 1
        reading.set()
        assert may_read.wait(30)
        return tls_context(**details)

    monkeypatch.setattr(tls, "tls_context", slowly)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.current)
        assert await anyio.to_thread.run_sync(reading.wait, 30)
        tasks.cancel_scope.cancel()
        may_read.set()
    assert source.made is not old
    assert await source.current() is source.made
    assert count == 1


async def test_a_renewal_that_is_half_done(
    certificates: Certificates,
    files: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While key and certificate do not match, or one is missing, the old ones are used on."""
    source = RenewableContext(**files)
    old = await source.current()
    use(tmp_path, certificates.client_cert, certificates.stranger_key)
    assert await source.current() is old
    assert "the certificates before are used on" in caplog.text
    (tmp_path / "key.pem").unlink()
    assert await source.current() is old
    use(tmp_path, certificates.client_cert, certificates.client_key)
    assert await source.current() is not old
