"""Tests of `anyredis.connection.tls`: contexts from the `ssl_*` arguments."""

from __future__ import annotations

import inspect
import ssl
from pathlib import Path
from typing import Any

import pytest

from anyredis.connection.options import TLSOptions
from anyredis.connection.tls import take_context, tls_context
from anyredis.exceptions import DataValueError
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
    assert context is not None
    assert context.check_hostname
    with pytest.raises(DataValueError, match="ssl_cert_reqs has to be one of"):
        take_context({"ssl": True, "ssl_cert_reqs": requirement})
