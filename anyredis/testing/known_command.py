"""A command that the Redis in memory knows: a function of one database, and what it accepts.

Law: a wrong number of arguments is refused before the command is run or queued, as real servers do;
an option that only real servers know is refused by a message that says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anyredis.exceptions import RedisError, from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.resp import Answer

WHOLE = re.compile(rb"0|-?[1-9][0-9]*")
HELP = 'script it with server.on("{name}", ...), or use anyredis_server, a real server'
SYNTAX = "ERR syntax error"


@dataclass(frozen=True)
class KnownCommand:
    """What a command does, and how many arguments it takes, its name not counted."""

    run: Callable[[Database, Words], Answer]
    least: int
    most: int | None = None
    """None: any number."""
    timeout: int | None = None
    """The position of its timeout among its arguments if it blocks: `NOTHING` means to wait."""
    wait: Callable[[Words], float] | None = None
    """Gives the seconds that it may wait (0: for ever), if its timeout has no fixed position."""
    settled: Callable[[Database, Words], Words] | None = None
    """Gives the arguments with which it is run again, if they mean something else by then."""

    def patience(self, words: Words) -> float:
        """The seconds that it may wait with the arguments *words*; 0 for ever."""
        if self.wait is not None:
            return self.wait(words)
        return 0.0 if self.timeout is None else timeout_of(words[self.timeout])

    subcommands: CommandTable | None = None
    """What its first argument names, if it is a container; each with the arguments behind that."""

    def refusal(self, name: bytes, words: Words) -> RedisError | None:
        """The error for *name* with the arguments *words*, if it does not take so many."""
        if not (self.least <= len(words) and (self.most is None or len(words) <= self.most)):
            return wrong_count(name)
        if self.subcommands is None:
            return None
        subcommand, *rest = words
        known = self.subcommands.get(subcommand.upper())
        if known is None:
            return unknown_subcommand(name.decode(errors="replace").upper(), subcommand)
        return known.refusal(name + b"|" + subcommand, tuple(rest))


CommandTable: TypeAlias = Mapping[bytes, KnownCommand]


def exactly(count: int, run: Callable[[Database, Words], Answer]) -> KnownCommand:
    """A command with *count* arguments."""
    return KnownCommand(run, count, count)


# -- refusals -----------------------------------------------------------------------------------


def unknown_command(name: bytes) -> RedisError:
    """The error for a command that the fake does not know."""
    text = name.decode(errors="replace")
    help_ = HELP.format(name=text.upper())
    return from_server(f"ERR unknown command '{text}': the fake does not know {text}: {help_}")


def unknown_option(command: str, option: bytes) -> RedisError:
    """The error for an option that the fake does not know."""
    text = option.decode(errors="replace")
    return from_server(f"{SYNTAX}: the fake does not know {command} {text}: {help_for(command)}")


def unknown_subcommand(command: str, subcommand: bytes) -> RedisError:
    """The error for a subcommand that the fake does not know."""
    text = subcommand.decode(errors="replace")
    return from_server(
        f"ERR unknown subcommand '{text}': the fake does not know {command} {text}: "
        f"{help_for(command)}"
    )


def help_for(command: str) -> str:
    """How to go on without a fake that knows it."""
    return HELP.format(name=command)


def wrong_count(name: bytes) -> RedisError:
    """The error for a wrong number of arguments."""
    return from_server(
        f"ERR wrong number of arguments for '{name.decode(errors='replace').lower()}' command"
    )


def syntax_error() -> RedisError:
    """The error for arguments in an order that makes no sense."""
    return from_server(SYNTAX)


# -- arguments ----------------------------------------------------------------------------------


def whole(word: bytes) -> int:
    """A whole number of 64 bits, written as the server writes it."""
    if not WHOLE.fullmatch(word) or not -(1 << 63) <= int(word) < 1 << 63:
        raise from_server("ERR value is not an integer or out of range")
    return int(word)


def positive(word: bytes, name: str) -> int:
    """A whole number above 0; *name* is what the server's message calls it."""
    if not WHOLE.fullmatch(word) or int(word) <= 0:
        raise from_server(f"ERR {name} should be greater than 0")
    return int(word)


def not_negative(word: bytes) -> int:
    """A whole number from 0 on."""
    if not WHOLE.fullmatch(word) or int(word) < 0:
        raise from_server("ERR value is out of range, must be positive")
    return whole(word)


def real(word: bytes, message: str = "ERR value is not a valid float") -> float:
    """A number; inf is one, nan is none."""
    try:
        found = float(word)
    except ValueError:
        raise from_server(message) from None
    if math.isnan(found) or word != word.strip() or b"_" in word:
        raise from_server(message)
    return found


def timeout_of(word: bytes) -> float:
    """The seconds that a blocking command may wait; 0 for ever."""
    seconds = real(word, "ERR timeout is not a float or out of range")
    if math.isinf(seconds):
        raise from_server("ERR timeout is out of range")
    if seconds < 0:
        raise from_server("ERR timeout is negative")
    return seconds


def keys_after_count(words: Sequence[bytes], message: str) -> tuple[list[bytes], list[bytes]]:
    """The keys that a number announces, and the words after them; *message* refuses 0 keys."""
    if not WHOLE.fullmatch(words[0]):
        raise from_server("ERR value is not an integer or out of range")
    count = int(words[0])
    if count <= 0:
        raise from_server(message)
    keys, rest = list(words[1 : 1 + count]), list(words[1 + count :])
    if len(keys) < count:
        raise syntax_error()
    return keys, rest


def pairs(words: Sequence[bytes], command: bytes) -> list[tuple[bytes, bytes]]:
    """*words* two by two; an odd number of them is refused in the name of *command*."""
    if len(words) % 2:
        raise wrong_count(command)
    return list(zip(words[::2], words[1::2], strict=True))


def section(items: Sequence[Answer], first: int, last: int) -> list[Answer]:
    """The items from *first* to *last*, both included; negative numbers count from the end."""
    start, stop = bounds(len(items), first, last)
    return list(items[start:stop])


def bounds(size: int, first: int, last: int) -> tuple[int, int]:
    """The same as the two ends of a slice."""
    start = max(0, first + size) if first < 0 else first
    stop = last + size if last < 0 else last
    return start, max(start, stop + 1)


# -- patterns -----------------------------------------------------------------------------------

_PART = re.compile(rb"\\(.)|\[(\^?)((?:\\.|[^]\\])*)(?:\]|$)|(\*)|(\?)|(.)", re.DOTALL)

_MEMBER = re.compile(rb"(\\.|.)-(\\.|.)|(\\.|.)", re.DOTALL)


def _regex(part: re.Match[bytes]) -> bytes:
    escaped, negated, characters, star, any_one, plain = part.groups()
    if star:
        return b".*"
    if any_one:
        return b"."
    if characters is not None:
        inside = _MEMBER.sub(_member, characters)
        if not inside:
            return b"." if negated else b"(?!)"
        return b"[%b%b]" % (negated, inside)
    return re.escape(escaped or plain)


def _member(found: re.Match[bytes]) -> bytes:
    first, last, single = found.groups()
    if first is None:
        return re.escape(single[-1:])
    low, high = sorted((first[-1:], last[-1:]))
    return b"%b-%b" % (re.escape(low), re.escape(high))


def matcher(pattern: bytes) -> Callable[[bytes], bool]:
    r"""A test for *pattern*: ``*``, ``?``, ``[a-z]``, ``[^a-z]``, and ``\`` before such a sign."""
    compiled = re.compile(_PART.sub(_regex, pattern), re.DOTALL)
    return lambda key: compiled.fullmatch(key) is not None


def limit_after_keys(command: str, options: Sequence[bytes], number: Callable[[bytes], int]) -> int:
    """The LIMIT of ZINTERCARD and SINTERCARD, 0 without one; *number* reads it."""
    match [word.upper() for word in options]:
        case [b"LIMIT", word]:
            limit = number(word)
            if limit < 0:
                raise from_server("ERR LIMIT can't be negative")
            return limit
        case [option, *_]:
            raise unknown_option(command, option)
        case _:
            return 0


def scan_pairs(
    command: str,
    words: Sequence[bytes],
    flag: bytes,
    read: Callable[[], Iterable[tuple[bytes, bytes]]],
) -> Answer:
    """All items in one page, as real servers scan small keys; with *flag* their names only.

    *read* gives the items, and refuses a key of another type, once the cursor is known to be one.
    """
    cursor, *options = words
    whole(cursor)
    items = read()
    matches, _, _, flags = scan_options(command, options, {flag})
    found: list[Answer] = []
    for name, value in items:
        if matches(name):
            found += [name] if flags else [name, value]
    return [b"0", found]


def scan_options(
    command: str, options: Sequence[bytes], flags: Iterable[bytes] = ()
) -> tuple[Callable[[bytes], bool], int, bytes | None, set[bytes]]:
    """MATCH, COUNT, TYPE (in lower case) and *flags* of the SCAN commands."""
    pattern, count, kind, found = b"*", 10, None, set[bytes]()
    rest = list(options)
    while rest:
        option = rest.pop(0).upper()
        if option in flags:
            found.add(option)
        elif not rest:
            raise syntax_error()
        elif option == b"MATCH":
            pattern = rest.pop(0)
        elif option == b"TYPE" and command == "SCAN":
            kind = rest.pop(0).lower()
        elif option == b"COUNT":
            count = whole(rest.pop(0))
            if count < 1:
                raise syntax_error()
        else:
            raise unknown_option(command, option)
    return matcher(pattern), count, kind, found
