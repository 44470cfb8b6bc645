"""Declared lengths: the number of elements that a server announces, checked before hiredis acts on it.

Law: hiredis reserves memory for all elements that a header such as `>100000000` announces, and has
no option against it; so bytes are fed up to each header that is too large, and the header is refused
if it is one.  It is one, not a part of a string, if hiredis has nothing left to read before it.
Bytes without such a header are fed as they are, in order and each once, in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from anyredis.exceptions import ProtocolError

MAX_ELEMENTS = 2**24
"""The default for the elements of one array, set or attribute."""

MAX_PUSH_ELEMENTS = 2**16
"""The most elements of one push: hiredis fills their memory at once."""

LONG_DATA = 4096
"""Bytes from which data may have long strings, which are not searched for headers."""

LONGEST_CUT = 24
"""The bytes at the end of the data among which a header may be cut."""

PIECE = 32 * 1024
"""About the most bytes that hiredis gets at once: for each 1024 that it has read, it moves the rest."""

TYPES: Final = b"*>~|"
LONG_STRING: Final = rb"(?:[*~%|>]\d{1,4}\r\n){0,8}[$=](\d{4,15})\r\n"
"""The pattern of the header of a long string, with those of small aggregates that begin with it."""


class LengthGuard:
    """Feeds a reader of hiredis by its methods *feed* and *has_data*.

    A header of more than *max_elements* raises `ProtocolError`.  All replies have to be taken from
    the reader before `feed` and between two calls of `feed_rest`.
    """

    def __init__(
        self,
        feed: Callable[[bytes | memoryview], object],
        has_data: Callable[[], bool],
        max_elements: int = MAX_ELEMENTS,
    ) -> None:
        self.busy = False
        """Whether the next bytes have to go through here, whatever they are."""
        self._feed = feed
        self._has_data = has_data
        self._max_elements = max_elements
        digits, push_digits = len(str(max_elements)), len(str(MAX_PUSH_ELEMENTS))
        large = rb"(?:>\d{%d,}|[*~|]\d{%d,})" % (push_digits, digits)
        self._header = re.compile(large)
        self._next_header = re.compile(rb"\n%b" % large)
        self._long_string = re.compile(LONG_STRING)
        self._data = b""
        self._at = 0
        """The position in `_data` of the first byte that is not fed yet."""
        self._safe = 0
        """The position in `_data` up to which no header is too large."""
        self._cut = b""
        """The beginning of a header, at the end of the bytes before."""
        self._inside = 0
        """Bytes that are still to come of a string whose end is known."""

    def feed(self, data: bytes | memoryview) -> None:
        """Take received bytes, and feed the first of them; `feed_rest` feeds the others."""
        # Four short ways, for what large replies consist of.
        if self._inside >= len(data) > 0:  # all of it belongs to one string
            self._inside -= len(data)
            self.busy = self._inside > 0
            self._feed(data)
            return
        if not self.busy and data[:1] == b"$" and not self._has_data():
            end = self._behind_long_strings(data, 0)
            if end > len(data):  # and so does all of this
                self._inside = end - len(data)
                self.busy = True
                self._feed(data)
                return
        data = bytes(data)  # which copies a view only
        first = data[:1]
        # Long strings, of four digits or more, are not searched.
        may_be_long = first == b"$" and b"\r" not in data[:5]
        if not (self.busy or may_be_long or self._has_type(data, 1)):
            if first not in TYPES:  # there is no header, nor the beginning of one
                if len(data) <= PIECE:
                    self._feed(data)
                    return
            elif len(data) > LONGEST_CUT:  # there is none but that at the beginning, if it is one
                if not self._has_data():
                    self._check(data, 0)
                self._feed(data)
                return
        if self._at < len(self._data):  # the replies before these bytes have not been taken yet
            self._data = self._data[self._at :] + self._cut + data
            self._safe = max(self._safe - self._at, 0)
            self._at = 0
            self._cut = b""
            return
        self._data = self._cut + data
        self._at = self._safe = 0
        self._cut = b""
        self.feed_rest()

    def feed_rest(self) -> bool:
        """Whether there were bytes left; a piece is fed now, at most up to the next large header.

        Raises `ProtocolError` if the header to be fed next announces too much.
        """
        data, begin = self._data, self._at
        if begin >= len(data):
            return False
        if begin >= self._safe:
            end = self._safe_until(data, begin)
            if end is None:
                end = self._where_cut(data, begin)
                self._cut = data[end:]
                self._data = data = data[:end]
            self._safe = end
        end = self._safe
        if end - begin > PIECE and not self._inside:  # a long string is not moved
            end = begin + PIECE
        piece = data[begin:end]
        self._at = end
        if end == len(data):
            self._data = b""
            self._at = self._safe = 0
        self.busy = bool(self._data or self._cut or self._inside)
        if piece:
            self._feed(piece)
        return True

    def _safe_until(self, data: bytes, begin: int) -> int | None:
        """The position of the next header that looks too large; None if there is none."""
        start = begin
        if self._inside:
            start = self._behind_long_strings(data, begin + self._inside)
            self._inside = 0
        elif not self._has_data():  # so a header begins here
            self._check(data, begin)
            start = self._behind_long_strings(data, begin)
        if start >= len(data):
            self._inside = start - len(data)
            return len(data)
        if not self._has_type(data, max(start, begin + 1)):
            return None
        # The line before the next header ends at the byte before.
        header = self._next_header.search(data, max(begin, start - 1))
        return None if header is None else header.start() + 1

    def _behind_long_strings(self, data: bytes | memoryview, begin: int) -> int:
        """The position behind all long strings in a row; a header begins at *begin*.

        It is behind the end of *data* if the last of them is not complete.
        """
        while (string := self._long_string.match(data, begin)) is not None:
            begin = string.end() + int(string[1]) + 2
        return begin

    @staticmethod
    def _has_type(data: bytes, start: int) -> bool:
        """Whether a byte from *start* on may begin a header."""
        find = data.find
        return (
            find(42, start) >= 0  # b"*"
            or find(62, start) >= 0  # b">"
            or find(126, start) >= 0  # b"~"
            or find(124, start) >= 0  # b"|"
        )

    def _check(self, data: bytes, begin: int) -> None:
        header = self._header.match(data, begin)
        if header is None:
            return
        count, is_push = int(header[0][1:21]), header[0][:1] == b">"
        if count > (MAX_PUSH_ELEMENTS if is_push else self._max_elements):
            what = "a push" if is_push else "an aggregate"
            limit = (
                f"the most is {MAX_PUSH_ELEMENTS}"
                if is_push
                else f"max_elements is {self._max_elements}"
            )
            raise ProtocolError(f"the server announced {what} of {count} elements; {limit}")

    def _where_cut(self, data: bytes, begin: int) -> int:
        """The position of a header that is cut at the end of *data*; otherwise its length."""
        end = len(data)
        if data.endswith(b"\n"):
            return end
        line = data.rfind(b"\n", max(begin, end - LONGEST_CUT)) + 1
        if not line:
            if end - begin > LONGEST_CUT:
                return end
            line = begin
        tail = data[line:]
        digits = tail[1:].removesuffix(b"\r")
        return line if tail[:1] in TYPES and (not digits or digits.isdigit()) else end
