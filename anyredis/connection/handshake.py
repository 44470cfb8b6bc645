"""What is said before the first command: HELLO, AUTH, SELECT and the rest, in one round trip.

A conversation as a generator: it yields commands to send together, is sent their replies, and
returns what was agreed.  The second round trip is only for servers that do not know HELLO.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from anyredis.credentials import Credentials
from anyredis.exceptions import (
    NoPermissionError,
    RedisError,
    ResponseError,
    UnknownCommandError,
)
from anyredis.replies import integer, record, word
from anyredis.version import __version__
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Value, name_of

LIBRARY_NAME = "anyredis"


class HandshakeStep(NamedTuple):
    """One command of the handshake; the server may refuse one that is not *required*."""

    args: tuple[Value, ...]
    required: bool = True


@dataclass(frozen=True)
class HandshakeOptions:
    """What a connection is to be like once it is ready."""

    protocol: int = 3
    db: int = 0
    client_name: str | None = None
    noevict: bool = False
    notouch: bool = False
    extra: tuple[HandshakeStep, ...] = ()


@dataclass(frozen=True)
class ServerInfo:
    """What the server said of itself; empty and 0 where it does not know HELLO."""

    protocol: int
    server: str = ""
    version: str = ""
    client_id: int = 0
    role: str = ""
    extra: tuple[Reply, ...] = ()
    """What it answered to the extra steps, errors to those that are not required as values."""


HandshakeSteps: TypeAlias = Generator[list[HandshakeStep], list[Reply], ServerInfo]


def negotiate(options: HandshakeOptions, credentials: Credentials) -> HandshakeSteps:
    """The handshake for *options*; raises the server's error for a required step it refuses."""
    rest = _rest(options)
    if options.protocol == 3:
        steps = [_hello(options, credentials), *rest]
        replies = yield steps
        if not isinstance(replies[0], (UnknownCommandError, NoPermissionError)) and not _noproto(
            replies[0]
        ):
            _check(steps, replies)
            return _server_info(replies[0], _extra(options, steps, replies))
    steps = [*_classic(options, credentials), *rest]
    replies = (yield steps) if steps else []
    _check(steps, replies)
    return ServerInfo(protocol=2, extra=_extra(options, steps, replies))


def _hello(options: HandshakeOptions, credentials: Credentials) -> HandshakeStep:
    words: list[Value] = [b"HELLO", 3]
    if credentials.password is not None:
        words += [b"AUTH", credentials.username or "default", credentials.password]
    if options.client_name is not None:
        words += [b"SETNAME", options.client_name]
    return HandshakeStep(tuple(words))


def _classic(options: HandshakeOptions, credentials: Credentials) -> list[HandshakeStep]:
    steps: list[HandshakeStep] = []
    if credentials.password is not None:
        user: tuple[Value, ...] = (credentials.username,) if credentials.username else ()
        steps.append(HandshakeStep((b"AUTH", *user, credentials.password)))
    if options.client_name is not None:
        steps.append(HandshakeStep((b"CLIENT", b"SETNAME", options.client_name)))
    return steps


def _rest(options: HandshakeOptions) -> list[HandshakeStep]:
    steps: list[HandshakeStep] = []
    if options.db:
        steps.append(HandshakeStep((b"SELECT", options.db)))
    if options.noevict:
        steps.append(HandshakeStep((b"CLIENT", b"NO-EVICT", b"ON")))
    if options.notouch:
        steps.append(HandshakeStep((b"CLIENT", b"NO-TOUCH", b"ON")))
    steps.extend(options.extra)
    # Old servers do not know SETINFO and ACLs may forbid it: nobody misses it then.
    steps.append(HandshakeStep((b"CLIENT", b"SETINFO", b"LIB-NAME", LIBRARY_NAME), required=False))
    steps.append(HandshakeStep((b"CLIENT", b"SETINFO", b"LIB-VER", __version__), required=False))
    return steps


def _noproto(reply: Reply) -> bool:
    return isinstance(reply, ResponseError) and reply.code == "NOPROTO"


def _check(steps: list[HandshakeStep], replies: list[Reply]) -> None:
    for step, reply in zip(steps, replies, strict=True):
        if step.required and isinstance(reply, RedisError):
            # The name only: what follows it may be a password.
            twin = type(reply)(f"{reply} (answer to {name_of(step.args)} while connecting)")
            raise twin from reply


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
