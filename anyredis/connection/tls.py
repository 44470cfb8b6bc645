"""TLS for TCP connections: an `ssl.SSLContext` from the `ssl_*` arguments, verifying by default.

Law: a context is made once for all connections of a pool, and anew when a file that it was made
from has changed: certificates are renewed while a client is open.
"""

from __future__ import annotations

import logging
import os
import ssl
from types import NoneType
from typing import Any, TypeAlias

from anyio import to_thread

from anyredis.connection.options import TLSOptions, check_flags
from anyredis.credentials import UnusableSecret, hidden
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt

REQUIREMENTS = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}


NAMES = tuple(TLSOptions.__annotations__)
CERT_REQS = "ssl_cert_reqs"

LOGGER = logging.getLogger("anyredis")

FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""The arguments that name files."""

Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Modification time, size and inode of each file, None for one that is not there."""


def tls_context(
    *,
    ssl_ca_certs: str | None = None,
    ssl_ca_data: str | bytes | None = None,
    ssl_certfile: str | None = None,
    ssl_keyfile: str | None = None,
    ssl_password: str | None = None,
    ssl_cert_reqs: str | ssl.VerifyMode = "required",
    ssl_check_hostname: bool = True,
    ssl_ciphers: str | None = None,
    ssl_min_version: ssl.TLSVersion | None = None,
) -> ssl.SSLContext:
    """A client context that verifies certificate and host name unless told otherwise.

    Raises `DataValueError` for a contradiction, a missing file or an invalid PEM.
    """
    verify_mode = _verify_mode(ssl_cert_reqs)
    check_flags(ssl_check_hostname=ssl_check_hostname)
    if ssl_min_version is not None and not isinstance(ssl_min_version, ssl.TLSVersion):
        raise DataTypeError(
            f"ssl_min_version has to be an ssl.TLSVersion or None, not {excerpt(ssl_min_version)}"
        )
    ssl_password = hidden(ssl_password)
    if isinstance(ssl_password, UnusableSecret):
        raise DataTypeError(f"ssl_password has to be a str, not a {ssl_password.kind}")
    if ssl_keyfile is not None and ssl_certfile is None:
        raise DataValueError("ssl_keyfile needs ssl_certfile beside it")
    try:
        context = ssl.create_default_context(cafile=ssl_ca_certs, cadata=ssl_ca_data)
        if ssl_certfile is not None:
            context.load_cert_chain(ssl_certfile, ssl_keyfile, ssl_password)
        if ssl_ciphers is not None:
            context.set_ciphers(ssl_ciphers)
    except OSError as error:  # ssl.SSLError too
        files = [path for path in (ssl_ca_certs, ssl_certfile, ssl_keyfile) if path]
        raise DataValueError(f"the ssl_* arguments cannot be used ({files}): {error}") from error
    except (TypeError, ValueError) as error:
        raise DataTypeError(f"the ssl_* arguments cannot be used: {error}") from error
    if ssl_min_version is not None:
        context.minimum_version = ssl_min_version
    # Without a certificate there is no name to check; ssl requires this order of assignments.
    context.check_hostname = ssl_check_hostname and verify_mode is not ssl.CERT_NONE
    context.verify_mode = verify_mode
    return context


def _verify_mode(wanted: str | ssl.VerifyMode) -> ssl.VerifyMode:
    if isinstance(wanted, ssl.VerifyMode):
        return wanted
    if not isinstance(wanted, str) or wanted not in REQUIREMENTS:
        names = ", ".join(map(repr, REQUIREMENTS))
        raise DataValueError(f"ssl_cert_reqs has to be one of {names}, not {excerpt(wanted)}")
    return REQUIREMENTS[wanted]


class RenewableContext:
    """The TLS context of the `ssl_*` arguments *details*, made anew when a file has changed.

    Raises the errors of `tls_context` at once.
    """

    def __init__(self, **details: Any) -> None:
        self._details = details
        self._files: tuple[str, ...] = tuple(
            details[name] for name in FILES if details.get(name) is not None
        )
        for name in FILES:
            if not isinstance(details.get(name), (str, os.PathLike, NoneType)):
                raise DataTypeError(f"{name} has to be the path of a file")
        # Before the files are read, so that a change meanwhile is seen by the next connect.
        self._stamp: Stamp = _stamp(self._files)
        self.made = tls_context(**details)
        """The context that was made last."""

    async def current(self) -> ssl.SSLContext:
        """The context for a connection that is made now.

        Files are read in a thread, and only if one has changed.  If they cannot be used, for
        example because a new key does not match the certificate yet, that is logged, the context
        made before is used, and the next call reads them again.
        """
        stamp = _stamp(self._files)
        if stamp != self._stamp:
            try:
                renewed = await to_thread.run_sync(self._renewed)
            except DataValueError as error:
                LOGGER.warning("the certificates before are used on: %s", error)
            else:
                self.made, self._stamp = renewed, stamp
        return self.made

    def _renewed(self) -> ssl.SSLContext:
        return tls_context(**self._details)


def _stamp(files: tuple[str, ...]) -> Stamp:
    return tuple(_stamp_of(file) for file in files)


def _stamp_of(file: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - importing pathlib takes longer than all of this file
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def share_context(arguments: dict[str, Any]) -> None:
    """Replace the `ssl…` entries of *arguments* by one context, for all connections made of them.

    Otherwise each connection would read the files.  Raises the errors of `take_context`.
    """
    context = take_context(arguments)
    if context is not None:
        arguments["ssl_context"] = context


def take_context(arguments: dict[str, Any]) -> ssl.SSLContext | RenewableContext | None:
    """The context for the `ssl…` entries of *arguments*, which are removed; None: no TLS.

    Raises `DataError` if they contradict each other.
    """
    wanted = arguments.pop("ssl", None)
    context = arguments.pop("ssl_context", None)
    # None is the default, except where redis-py means something else by it.
    details: dict[str, Any] = {
        name: value
        for name in NAMES
        if name in arguments
        if (value := arguments.pop(name)) is not None or name == CERT_REQS
    }
    if wanted is not None:
        check_flags(ssl=wanted)
    if context is not None and not isinstance(context, (ssl.SSLContext, RenewableContext)):
        raise DataTypeError(f"ssl_context has to be an ssl.SSLContext, not {excerpt(context)}")
    if context is not None and (details or wanted is False):
        raise DataValueError(f"give ssl_context or {min(details, default='ssl=False')}, not both")
    if details and not wanted:
        raise DataValueError(f"{min(details)} is given, but ssl=True is not")
    return RenewableContext(**details) if wanted and context is None else context
