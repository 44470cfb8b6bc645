"""Bytes to replies.

Law: replies come out in the order they arrived, each exactly once.  Text that does not decode
spoils its own reply only; any other trouble is the end of the stream, because nobody can say where
the next reply starts.  What hiredis 3 does not read (streamed strings, bulk errors, attributes) no
server sends unasked; an attribute, after `DEBUG PROTOCOL ATTRIB`, would be taken for a reply.
"""

from __future__ import annotations

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


class Decoder:
    """Turns received bytes into replies; *encoding* None leaves strings as bytes."""

    def __init__(self, encoding: str | None = None) -> None:
        reader = (
            hiredis.Reader(replyError=from_server, notEnoughData=MORE)
            if encoding is None
            else hiredis.Reader(replyError=from_server, notEnoughData=MORE, encoding=encoding)
        )
        self.feed = reader.feed
        """Take received bytes."""
        self.gets = reader.gets
        """The next reply or `MORE`; `gets(False)` leaves strings as bytes whatever the encoding.

        What it raises goes through `spoiled`.
        """


def spoiled(error: Exception) -> ReplyDecodeError:
    """The reply to give instead of one that `Decoder.gets` raised on.

    Raises `ProtocolError` where the stream cannot be read any further.
    """
    if isinstance(error, UnicodeError):
        twin = ReplyDecodeError(
            f"the reply is not {getattr(error, 'encoding', 'valid')} text: {error}; the command "
            "was run. Read binary values with a client that has decode_responses=False"
        )
        twin.__cause__ = error
        return twin
    msg = f"the server does not speak the Redis protocol: {error}"
    raise ProtocolError(msg) from error


Decode: TypeAlias = Callable[[Reply], Reply]


def text_decoder(encoding: str) -> Decode:
    """A function that gives a reply which was read as bytes as text in *encoding*."""

    def decode(reply: Reply) -> Reply:
        if isinstance(reply, bytes):
            try:
                return reply.decode(encoding)
            except UnicodeError as error:
                return spoiled(error)
        if isinstance(reply, list):
            return [decode(item) for item in reply]
        if isinstance(reply, dict):
            return {decode(key): decode(value) for key, value in reply.items()}
        return reply

    return decode
