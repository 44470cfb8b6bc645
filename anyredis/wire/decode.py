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
from typing import Any, Final, TypeAlias

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


ESCAPES = "anyredis.unreadable"
"""The error handler that turns bytes which are no text into lone surrogates, and back."""


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Let hiredis go on, so that it tells whether the text is in a reply or in a push.

    The bytes become lone surrogates, so that those of a push can be had back.
    """
    if isinstance(error, UnicodeDecodeError):
        UNDECODABLE.setdefault(threading.get_ident(), error)
        return "".join(
            chr(0xDC00 + byte) for byte in error.object[error.start : error.end]
        ), error.end
    if isinstance(error, UnicodeEncodeError):
        return bytes(
            ord(each) - 0xDC00 for each in error.object[error.start : error.end]
        ), error.end
    raise error


codecs.register_error(ESCAPES, _escape)


def _keeps_bytes(encoding: str) -> bool:
    """Whether text in *encoding*, with `ESCAPES`, gives back the very bytes that it was read from.

    UTF-8 does, and what has one character for each byte; encodings with states or marks do not.
    """
    name = codecs.lookup(encoding).name
    return name in {"utf-8", "ascii"} or name.startswith(("iso8859", "cp125", "koi8"))


class NotRedisError(ProtocolError):
    """The error for bytes that are not the protocol.

    A class, because hiredis takes only the type of the error to raise.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"the server does not speak the Redis protocol: {message}")


class Decoder:
    """Turns received bytes into replies; *encoding* None leaves strings as bytes.

    *read_error* makes the value of an error reply from its text.

    `gets` is the next reply or `MORE`; `gets(False)` leaves strings as bytes in any encoding.  `raw`
    gives a push with all its strings as bytes.  If `UNDECODABLE` is not empty afterwards, the reply
    has to pass through `checked`.  After `ProtocolError`, or `TypeError` for a map that no dict can
    hold, the start of the next reply is unknown.
    """

    def __init__(
        self, encoding: str | None = None, read_error: Callable[[str], RedisError] = from_server
    ) -> None:
        options: dict[str, str] = {}
        if encoding is not None and _keeps_bytes(encoding):
            options = {"encoding": encoding, "errors": ESCAPES}
        reader = hiredis.Reader(
            protocolError=NotRedisError, replyError=read_error, notEnoughData=MORE, **options
        )
        self._feed = reader.feed
        self._encoding = encoding
        self._gets_bytes = reader.gets
        self.gets: Callable[..., Any] = reader.gets
        if encoding is not None and not options:
            self.gets = self._gets_decoded
        self.started = False
        """Whether the handshake has received anything."""
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

    def _gets_decoded(self, should_decode: bool = True) -> Any:
        """The same as `gets`, in an encoding from which the bytes of a push cannot be had back."""
        reply = self._gets_bytes()
        if not should_decode or reply is MORE or type(reply) is Push:
            return reply
        try:
            return _decoded(reply, self._encoding or "")
        except UnicodeDecodeError as error:
            return decode_error(error)

    def raw(self, push: list[Reply]) -> list[Reply]:
        """*push* with its strings as bytes; part of it may have been read as text."""
        return [_raw(each, self._encoding or "") for each in push]

    def next_reply(self) -> Reply | Incomplete:
        """The next reply or `MORE`; raises `ProtocolError` if the stream cannot be read on."""
        try:
            return self.checked(self.gets())
        except TypeError as error:
            raise NotRedisError(str(error)) from error


def _raw(value: Reply, encoding: str) -> Reply:
    if isinstance(value, str):
        return value.encode(encoding, ESCAPES)
    if isinstance(value, list):
        return [_raw(each, encoding) for each in value]
    if isinstance(value, dict):
        return {_raw(key, encoding): _raw(each, encoding) for key, each in value.items()}
    return value


def _decoded(value: Reply, encoding: str) -> Reply:
    if isinstance(value, bytes):
        return value.decode(encoding)
    if isinstance(value, list):
        return [_decoded(each, encoding) for each in value]
    if isinstance(value, dict):
        return {_decoded(key, encoding): _decoded(each, encoding) for key, each in value.items()}
    return value


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
