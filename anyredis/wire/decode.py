"""Bytes to replies.

Law: replies come out in the order they arrived, each exactly once.  Text that does not decode
spoils its own reply only; any other error is the end of the stream, because the start of the next
reply is unknown.  hiredis 3 does not read streamed strings, bulk errors and attributes, which no
server sends unasked; it would take an attribute, after `DEBUG PROTOCOL ATTRIB`, for a reply.
"""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

import hiredis

from anyredis.exceptions import ProtocolError, RedisError, ReplyDecodeError, from_server

Reply: TypeAlias = (
    "bytes | str | int | float | bool | list[Reply] | dict[Reply, Reply] | RedisError | None"
)
"""A reply of a server; an error reply is a value here, and the caller raises it."""

Push = hiredis.PushNotification
"""A RESP3 push: a list that answers no request."""


class Incomplete:
    """The type of `MORE`."""

    def __repr__(self) -> str:
        """The name of the only instance."""
        return "MORE"


MORE: Final = Incomplete()
"""In place of a reply: the next one has not arrived whole."""


UNDECODABLE: Final[dict[int, UnicodeDecodeError]] = {}
"""Threads that have just met text that does not decode; empty most of the time."""


def _note_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Let hiredis continue, so that the text can be told to be in a reply or in a push."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    UNDECODABLE.setdefault(threading.get_ident(), error)
    return "\ufffd", error.end


codecs.register_error("anyredis.unreadable", _note_undecodable)


class NotRedisError(ProtocolError):
    """The error for bytes that are not the protocol.

    A class, because hiredis takes only the type of the error to raise.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"the server does not speak the Redis protocol: {message}")


class Decoder:
    """Turns received bytes into replies; *encoding* None leaves strings as bytes.

    *read_error* makes the value of an error reply from its text.

    `gets` is the next reply or `MORE`; `gets(False)` leaves strings as bytes in any encoding.  If
    `UNDECODABLE` is not empty afterwards, the reply has to pass through `checked`.  After
    `ProtocolError`, or `TypeError` for a map that no dict can hold, the start of the next reply is
    unknown.
    """

    def __init__(
        self, encoding: str | None = None, read_error: Callable[[str], RedisError] = from_server
    ) -> None:
        options: dict[str, str] = {}
        if encoding is not None:
            codecs.lookup(encoding)
            options = {"encoding": encoding, "errors": "anyredis.unreadable"}
        reader = hiredis.Reader(
            protocolError=NotRedisError, replyError=read_error, notEnoughData=MORE, **options
        )
        self._feed = reader.feed
        self.gets = reader.gets
        self._partly_undecodable: UnicodeDecodeError | None = None

    def feed(self, data: bytes) -> None:
        """Take received bytes."""
        if self._partly_undecodable is not None:
            UNDECODABLE[threading.get_ident()] = self._partly_undecodable
            self._partly_undecodable = None
        self._feed(data)

    def checked(self, reply: Reply | Incomplete) -> Reply | Incomplete:
        """*reply*, or the error for it if its text does not decode."""
        error = UNDECODABLE.pop(threading.get_ident(), None)
        if error is None or type(reply) is Push:
            return reply
        if isinstance(reply, Incomplete):
            self._partly_undecodable = error  # another stream of this thread may be read meanwhile
            return reply
        return decode_error(error)

    def next_reply(self) -> Reply | Incomplete:
        """The next reply or `MORE`; raises `ProtocolError` if the stream cannot be read on."""
        try:
            return self.checked(self.gets())
        except TypeError as error:
            raise NotRedisError(str(error)) from error


def decode_error(error: UnicodeError) -> ReplyDecodeError:
    """The error in place of a reply whose text does not decode."""
    twin = ReplyDecodeError(
        f"the reply is not {getattr(error, 'encoding', 'valid')} text: {error}; the command "
        "was run. Read binary values with a client that has decode_responses=False"
    )
    twin.__cause__ = error
    return twin


Decode: TypeAlias = Callable[[Reply], Reply]


def text_decoder(encoding: str) -> Decode:
    """A function that turns a reply, read as bytes, into text in *encoding*."""

    def decode(reply: Reply) -> Reply:
        if isinstance(reply, bytes):
            try:
                return reply.decode(encoding)
            except UnicodeError as error:
                return decode_error(error)
        if isinstance(reply, list):
            return [decode(item) for item in reply]
        if isinstance(reply, dict):
            return {decode(key): decode(value) for key, value in reply.items()}
        return reply

    return decode
