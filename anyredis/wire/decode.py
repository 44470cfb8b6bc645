"""Bytes to replies.

Law: replies come out in the order they arrived, each exactly once.  Text that does not decode
spoils its own reply only; any other trouble is the end of the stream, because nobody can say where
the next reply starts.  What hiredis 3 does not read (streamed strings, bulk errors, attributes) no
server sends unasked; an attribute, after `DEBUG PROTOCOL ATTRIB`, would be taken for a reply.
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
"""What a server can answer; an error reply is a value here, and raised by whoever asked."""

Push = hiredis.PushNotification
"""A RESP3 push: a list that answers no request."""


class Incomplete:
    """The type of `MORE`."""

    def __repr__(self) -> str:
        """The name of the only instance."""
        return "MORE"


MORE: Final = Incomplete()
"""Instead of a reply: the next one has not arrived whole."""


UNDECODABLE: Final[dict[int, UnicodeDecodeError]] = {}
"""Threads that have just met text that does not decode; empty but for a moment."""


def _note_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Let hiredis go on, so that it tells whether the text is in a reply or in a push."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    UNDECODABLE.setdefault(threading.get_ident(), error)
    return "\ufffd", error.end


codecs.register_error("anyredis.unreadable", _note_undecodable)


class NotRedisError(ProtocolError):
    """The error for bytes that are not the protocol.

    A class, because hiredis only takes the type of the error that it is to raise.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"the server does not speak the Redis protocol: {message}")


class Decoder:
    """Turns received bytes into replies; *encoding* None leaves strings as bytes.

    *read_error* makes the value for an error reply out of its text.

    `gets` is the next reply or `MORE`; `gets(False)` leaves strings as bytes whatever the encoding.
    Where `UNDECODABLE` is not empty then, `checked` has to see what it gave.  `ProtocolError`, or
    `TypeError` for a map that no dict can hold, say that nobody knows where the next reply starts.
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
        """*reply*, or the error for it where its text does not decode."""
        error = UNDECODABLE.pop(threading.get_ident(), None)
        if error is None or type(reply) is Push:
            return reply
        if isinstance(reply, Incomplete):
            self._partly_undecodable = error  # another stream of this thread may be read meanwhile
            return reply
        return decode_error(error)

    def next_reply(self) -> Reply | Incomplete:
        """The next reply or `MORE`; raises `ProtocolError` at the end of what can be read."""
        try:
            return self.checked(self.gets())
        except TypeError as error:
            raise NotRedisError(str(error)) from error


def decode_error(error: UnicodeError) -> ReplyDecodeError:
    """The error to give instead of a reply that is not the text it should be."""
    twin = ReplyDecodeError(
        f"the reply is not {getattr(error, 'encoding', 'valid')} text: {error}; the command "
        "was run. Read binary values with a client that has decode_responses=False"
    )
    twin.__cause__ = error
    return twin


Decode: TypeAlias = Callable[[Reply], Reply]


def text_decoder(encoding: str) -> Decode:
    """A function that gives a reply which was read as bytes as text in *encoding*."""

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
