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


class Step(NamedTuple):
    """One command of the handshake; the server may refuse one that is not *required*."""

    args: tuple[Value, ...]
    required: bool = True


@dataclass(frozen=True)
class Wishes:
    """What a connection is to be like once it is ready."""

    protocol: int = 3
    db: int = 0
    client_name: str | None = None
    noevict: bool = False
    notouch: bool = False
    extra: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Agreed:
    """What the server said of itself; empty and 0 where it does not know HELLO."""

    protocol: int
    server: str = ""
    version: str = ""
    client_id: int = 0
    role: str = ""
    extra: tuple[Reply, ...] = ()
    """What it answered to the extra steps, errors to those that are not required as values."""


Conversation: TypeAlias = Generator[list[Step], list[Reply], Agreed]


def negotiate(wishes: Wishes, credentials: Credentials) -> Conversation:
    """The handshake for *wishes*; raises the server's error for a required step it refuses."""
    rest = _rest(wishes)
    if wishes.protocol == 3:
        steps = [_hello(wishes, credentials), *rest]
        replies = yield steps
        if not isinstance(replies[0], (UnknownCommandError, NoPermissionError)) and not _noproto(
            replies[0]
        ):
            _check(steps, replies)
            return _agreed(replies[0], _extra(wishes, steps, replies))
    steps = [*_classic(wishes, credentials), *rest]
    replies = (yield steps) if steps else []
    _check(steps, replies)
    return Agreed(protocol=2, extra=_extra(wishes, steps, replies))


def _hello(wishes: Wishes, credentials: Credentials) -> Step:
    words: list[Value] = [b"HELLO", 3]
    if credentials.password is not None:
        words += [b"AUTH", credentials.username or "default", credentials.password]
    if wishes.client_name is not None:
        words += [b"SETNAME", wishes.client_name]
    return Step(tuple(words))


def _classic(wishes: Wishes, credentials: Credentials) -> list[Step]:
    steps: list[Step] = []
    if credentials.password is not None:
        user: tuple[Value, ...] = (credentials.username,) if credentials.username else ()
        steps.append(Step((b"AUTH", *user, credentials.password)))
    if wishes.client_name is not None:
        steps.append(Step((b"CLIENT", b"SETNAME", wishes.client_name)))
    return steps


def _rest(wishes: Wishes) -> list[Step]:
    steps: list[Step] = []
    if wishes.db:
        steps.append(Step((b"SELECT", wishes.db)))
    if wishes.noevict:
        steps.append(Step((b"CLIENT", b"NO-EVICT", b"ON")))
    if wishes.notouch:
        steps.append(Step((b"CLIENT", b"NO-TOUCH", b"ON")))
    steps.extend(wishes.extra)
    # Old servers do not know SETINFO and ACLs may forbid it: nobody misses it then.
    steps.append(Step((b"CLIENT", b"SETINFO", b"LIB-NAME", LIBRARY_NAME), required=False))
    steps.append(Step((b"CLIENT", b"SETINFO", b"LIB-VER", __version__), required=False))
    return steps


def _noproto(reply: Reply) -> bool:
    return isinstance(reply, ResponseError) and reply.code == "NOPROTO"


def _check(steps: list[Step], replies: list[Reply]) -> None:
    for step, reply in zip(steps, replies, strict=True):
        if step.required and isinstance(reply, RedisError):
            # The name only: what follows it may be a password.
            twin = type(reply)(f"{reply} (answer to {name_of(step.args)} while connecting)")
            raise twin from reply


def _extra(wishes: Wishes, steps: list[Step], replies: list[Reply]) -> tuple[Reply, ...]:
    pairs = zip(steps, replies, strict=True)
    return tuple(reply for step, reply in pairs if step in wishes.extra)


def _agreed(hello: Reply, extra: tuple[Reply, ...]) -> Agreed:
    facts = record(hello)
    return Agreed(
        protocol=integer(facts.get("proto", 3)),
        server=word(facts.get("server", "")),
        version=word(facts.get("version", "")),
        client_id=integer(facts.get("id", 0)),
        role=word(facts.get("role", "")),
        extra=extra,
    )
