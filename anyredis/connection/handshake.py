"""The handshake, without I/O: HELLO, AUTH, SELECT and further commands, in one round trip.

Law: the handshake is a generator that yields commands to send together, receives their replies, and
returns a `ServerInfo`.  Only servers that do not know HELLO need a second round trip.
"""

from collections.abc import Generator
from typing import NamedTuple, TypeAlias

from anyredis.credentials import Credentials
from anyredis.exceptions import AuthenticationError, RedisError, ResponseError
from anyredis.replies import integer, record, word
from anyredis.version import __version__
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value, name_of

LIBRARY_NAME = "anyredis"


class HandshakeStep(NamedTuple):
    """One command of the handshake; if it is not *required*, an error reply is accepted."""

    args: tuple[Value, ...]
    required: bool = True

    def __repr__(self) -> str:
        """The name only: arguments may be secrets."""
        return f"<HandshakeStep {name_of(self.args)}>"


class HandshakeOptions(NamedTuple):
    """The options of a connection that the handshake sets on the server."""

    protocol: int = 3
    db: int = 0
    client_name: str | None = None
    noevict: bool = False
    notouch: bool = False
    lib_name: str | None = LIBRARY_NAME
    extra: tuple[HandshakeStep, ...] = ()


class ServerInfo(NamedTuple):
    """The facts that the server gave in the handshake; empty and 0 if it does not know HELLO."""

    protocol: int
    server: str = ""
    version: str = ""
    client_id: int = 0
    role: str = ""
    extra: tuple[Reply, ...] = ()
    """The replies to the extra steps; for steps that are not required, errors are values."""


HandshakeSteps: TypeAlias = Generator[list[HandshakeStep], list[Reply], ServerInfo]


def negotiate(options: HandshakeOptions, credentials: Credentials) -> HandshakeSteps:
    """The handshake for *options*; raises the server's error to a required step."""
    common = _common_steps(options)
    probe: list[HandshakeStep] = []
    if options.protocol == 3:
        steps = [_hello(options, credentials), *common]
        replies = yield steps
        if not _refuses_hello(replies[0], offered=credentials.given):
            _check(steps, replies)
            return _server_info(replies[0], _extra(options, steps, replies))
        if isinstance(replies[0], AuthenticationError):
            probe = [PROBE]
    steps = [*probe, *_resp2_steps(options, credentials), *common]
    replies = yield steps  # there may be none: protocol 2 without any option
    _check(steps, replies)
    return ServerInfo(protocol=2, extra=_extra(options, steps, replies))


def _hello(options: HandshakeOptions, credentials: Credentials) -> HandshakeStep:
    words: list[Value] = [b"HELLO", 3]
    if credentials.given:
        words += [b"AUTH", credentials.username or "default", credentials.password or ""]
    if options.client_name is not None:
        words += [b"SETNAME", options.client_name]
    return HandshakeStep(tuple(words))


def _resp2_steps(options: HandshakeOptions, credentials: Credentials) -> list[HandshakeStep]:
    steps: list[HandshakeStep] = []
    if credentials.given:
        user: tuple[Value, ...] = (credentials.username,) if credentials.username else ()
        steps.append(HandshakeStep((b"AUTH", *user, credentials.password or "")))
    if options.client_name is not None:
        steps.append(HandshakeStep((b"CLIENT", b"SETNAME", options.client_name)))
    return steps


def _common_steps(options: HandshakeOptions) -> list[HandshakeStep]:
    steps: list[HandshakeStep] = []
    if options.db:
        steps.append(HandshakeStep((b"SELECT", options.db)))
    if options.noevict:
        steps.append(HandshakeStep((b"CLIENT", b"NO-EVICT", b"ON")))
    if options.notouch:
        steps.append(HandshakeStep((b"CLIENT", b"NO-TOUCH", b"ON")))
    steps.extend(options.extra)
    if options.lib_name is not None:
        # Old servers do not know SETINFO, and ACLs may forbid it: the connection works without it.
        for name, value in ((b"LIB-NAME", options.lib_name), (b"LIB-VER", __version__)):
            steps.append(HandshakeStep((b"CLIENT", b"SETINFO", name, value), required=False))
    return steps


PROBE = HandshakeStep((b"PING",))
"""Finds out, after HELLO without credentials met NOAUTH, whether the server requires a login.

A proxy may refuse HELLO with NOAUTH, and require none.
"""


LOGIN_REQUIRED = "NOAUTH HELLO must be called with the client already authenticated"
"""The words in which servers ask for a login; those of proxies differ."""


def _refuses_hello(reply: Reply, *, offered: bool) -> bool:
    """Whether *reply* refuses HELLO itself, and not the credentials that were *offered* in it.

    Proxies refuse HELLO in words of their own.  The errors about credentials, and those of a server
    that takes no clients now, are leaves of `ConnectionError`.
    """
    if isinstance(reply, AuthenticationError):
        words = str(reply)
        return not offered and words.startswith("NOAUTH") and not words.startswith(LOGIN_REQUIRED)
    return isinstance(reply, ResponseError)


def _check(steps: list[HandshakeStep], replies: list[Reply]) -> None:
    for step, reply in zip(steps, replies, strict=True):
        if step.required and isinstance(reply, RedisError):
            # Only the name of the command: its arguments may contain a password.
            error = type(reply)(f"{reply} (answer to {name_of(step.args)} while connecting)")
            raise error from reply


def _extra(
    options: HandshakeOptions, steps: list[HandshakeStep], replies: list[Reply]
) -> tuple[Reply, ...]:
    pairs = zip(steps, replies, strict=True)
    return tuple(reply for step, reply in pairs if step in options.extra)


def _server_info(hello: Reply, extra: tuple[Reply, ...]) -> ServerInfo:
    facts = record(hello)
    return ServerInfo(
        protocol=integer(facts.get("proto", 3)),
        server=word(facts.get("server", "")),
        version=word(facts.get("version", "")),
        client_id=integer(facts.get("id", 0)),
        role=word(facts.get("role", "")),
        extra=extra,
    )
