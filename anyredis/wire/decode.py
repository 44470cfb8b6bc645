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
from anyredis.wire.lengths import MAX_ELEMENTS, LengthGuard

Reply: TypeAlias = (
    "bytes | str | int | float | bool | list[Reply] | dict[Reply, Reply] | RedisError | None"
)
"""A reply of a server; an error reply is a value here, and the caller raises it."""

Push = hiredis.PushNotification
"""A RESP3 push: a list that answers no request."""


MONITOR_LINE: Final = b"monitor"
"""The kind of the push that a line of MONITOR becomes."""


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


def are_texts(items: list[Any], empty: bytes | str) -> bool:
    """Whether all *items* of a reply are texts of the type of *empty*, which is empty."""
    try:
        # `startswith` looks at the type of each prefix, five times as fast as any other way.  As
        # nothing begins behind the end, not even an empty text, it looks at all of them.
        empty.startswith(tuple(items), 1)
    except TypeError:
        return False
    return True


def types_in(replies: list[Any]) -> set[type]:
    """The types of *replies*."""
    first: object = replies[0] if replies else None
    if isinstance(first, (bytes, str)) and are_texts(replies, type(first)()):
        return {type(first)}
    return set(map(type, replies))


class NotRedisError(ProtocolError):
    """The error for bytes that are not the protocol.

    A class, because hiredis takes only the type of the error to raise.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"the server does not speak the Redis protocol: {message}")


class Decoder:
    """Turns received bytes into replies; *encoding* None leaves strings as bytes.

    *read_error* makes the value of an error reply from its text.  *errors* is the error handler of
    Python's codecs for text that does not decode.  *max_elements* is the most elements that an
    aggregate may announce.

    `gets` is the next reply or `MORE`; `gets(False)` leaves strings as bytes in any encoding.  `raw`
    gives a push with all its strings as bytes.  If `UNDECODABLE` is not empty afterwards, the reply
    has to pass through `checked`.  After `ProtocolError`, or `TypeError` for a map that no dict can
    hold, the start of the next reply is unknown.
    """

    def __init__(
        self,
        encoding: str | None = None,
        read_error: Callable[[str], RedisError] = from_server,
        errors: str = "strict",
        max_elements: int = MAX_ELEMENTS,
    ) -> None:
        options: dict[str, str] = {}
        if encoding is not None and errors == "strict" and _keeps_bytes(encoding):
            options = {"encoding": encoding, "errors": ESCAPES}
        reader = hiredis.Reader(
            protocolError=NotRedisError, replyError=read_error, notEnoughData=MORE, **options
        )
        # The stub of hiredis takes no views; the function does, and keeps a copy.
        self.feed_plain: Callable[[bytes | memoryview], object] = getattr(reader, "feed")  # noqa: B009
        """Takes received bytes for which `feed` would do nothing but this."""
        self.has_data: Callable[[], bool] = reader.has_data
        """Whether bytes are left of a string or number that is not complete."""
        self.guard: Final = LengthGuard(self.feed_plain, reader.has_data, max_elements)
        self._encoding = encoding
        self._errors = errors
        self._gets_bytes = reader.gets
        self.gets: Callable[..., Any] = reader.gets
        if encoding is not None and not options:
            self.gets = self._gets_decoded
        self.partly_undecodable: UnicodeDecodeError | None = None
        """The error for a reply that is not complete: its first part has text that does not decode."""

    def feed(self, data: bytes | memoryview) -> None:
        """Take received bytes, once `gets` has given `MORE`; `feed_rest` may have to follow.

        Raises `ProtocolError` for an aggregate that is too large, here or in `feed_rest`.
        """
        self._remember_undecodable()
        self.guard.feed(data)

    def feed_rest(self) -> bool:
        """Whether bytes of the last `feed` were left and are taken now, after `MORE`."""
        if not self.guard.busy:
            return False
        self._remember_undecodable()
        return self.guard.feed_rest()

    def _remember_undecodable(self) -> None:
        """Go on with a reply whose first part has text that does not decode."""
        error, self.partly_undecodable = self.partly_undecodable, None
        if error is not None:
            UNDECODABLE[threading.get_ident()] = error

    def checked(self, reply: Reply | Incomplete, by_element: bool = False) -> Reply | Incomplete:
        """*reply*, or the error for it if its text does not decode.

        With *by_element* a list is the reply to a transaction: each of its elements is the reply to
        one command, so an element that does not decode is an error, and the others are values.
        """
        error = UNDECODABLE.pop(threading.get_ident(), None)
        if error is None or type(reply) is Push:
            return reply
        if isinstance(reply, Incomplete):
            self.partly_undecodable = error  # another stream of this thread may be read meanwhile
            return reply
        return self._read_again(reply, by_element)

    def checked_run(self, run: list[Any], by_element: bool, is_cut: bool) -> list[Any]:
        """The same for each reply in *run*; with *is_cut* a part of the next reply was read, too."""
        error = UNDECODABLE.pop(threading.get_ident(), None)
        if error is None:
            return run
        if is_cut:  # the text may be in the next reply: `checked` looks at it
            self.partly_undecodable = error
        return [each if type(each) is Push else self._read_again(each, by_element) for each in run]

    def _read_again(self, reply: Reply, by_element: bool) -> Reply:
        """*reply*, decoded from its bytes again: an error for text that does not decode."""
        decode = text_decoder(self._encoding or "", self._errors)
        if by_element and isinstance(reply, list):
            return [decode(each) for each in self.raw(reply)]
        return decode(_raw(reply, self._encoding or ""))

    def _gets_decoded(self, should_decode: bool = True) -> Any:
        """The same as `gets`, in an encoding from which the bytes of a push cannot be had back.

        Text that does not decode is left as bytes, for `checked` to find.
        """
        reply = self._gets_bytes()
        if not should_decode or reply is MORE or type(reply) is Push:
            return reply
        try:
            return _decoded(reply, self._encoding or "", self._errors)
        except UnicodeDecodeError as error:
            UNDECODABLE[threading.get_ident()] = error
            return reply

    def push_monitor_lines(self) -> None:
        """Make a push of each line of MONITOR, a simple string, from now on; leave text as bytes.

        The replies to MONITOR itself and to PING do not look like such a line.
        """

        def gets(should_decode: bool = True) -> Any:  # noqa: ARG001 - bytes in any case
            reply = self._gets_bytes(False)
            if isinstance(reply, bytes) and _is_monitored(reply):
                return Push((MONITOR_LINE, reply))
            return reply

        self.gets = gets

    def raw(self, push: list[Reply]) -> list[Reply]:
        """*push* with its strings as bytes; part of it may have been read as text."""
        return [_raw(each, self._encoding or "") for each in push]

    def next_reply(self) -> Reply | Incomplete:
        """The next reply or `MORE`; raises `ProtocolError` if the stream cannot be read on."""
        try:
            while (reply := self.checked(self.gets())) is MORE and self.feed_rest():
                pass
        except TypeError as error:
            raise NotRedisError(str(error)) from error
        else:
            return reply


def _is_monitored(text: bytes) -> bool:
    """Whether *text* is a line of MONITOR, which begins with the time: `12.5 [0 …`."""
    time, found, _ = text[:40].partition(b" [")
    return bool(found) and time[:1].isdigit() and b"." in time


def _raw(value: Reply, encoding: str) -> Reply:
    if isinstance(value, str):
        return value.encode(encoding, ESCAPES)
    if isinstance(value, list):
        return [_raw(each, encoding) for each in value]
    if isinstance(value, dict):
        return {_raw(key, encoding): _raw(each, encoding) for key, each in value.items()}
    return value


def _decoded(value: Reply, encoding: str, errors: str) -> Reply:
    if isinstance(value, bytes):
        return value.decode(encoding, errors)
    if isinstance(value, list):
        return [_decoded(each, encoding, errors) for each in value]
    if isinstance(value, dict):
        return {
            _decoded(key, encoding, errors): _decoded(each, encoding, errors)
            for key, each in value.items()
        }
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


def text_decoder(encoding: str, errors: str = "strict") -> Decode:
    """A function that turns a reply, read as bytes, into text in *encoding*.

    *errors* is the error handler of Python's codecs.  The function gives one `ReplyDecodeError` in
    place of a reply that has text which does not decode.
    """

    def decode(reply: Reply) -> Reply:
        try:
            return _decoded(reply, encoding, errors)
        except UnicodeError as error:
            return decode_error(error)

    return decode
