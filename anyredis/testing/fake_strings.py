"""Strings of the Redis in memory: SET and GET, their relatives, and numbers in strings.

Law: each command is a function of one database and its arguments, independent of connections.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from anyredis.exceptions import from_server
from anyredis.testing.data import Database, Words
from anyredis.testing.known_command import (
    CommandTable,
    KnownCommand,
    bounds,
    exactly,
    pairs,
    real,
    syntax_error,
    unknown_option,
    whole,
)
from anyredis.testing.resp import Answer

NO_FLOAT: Final = "ERR value is not a valid float"
UNITS: Final = {b"EX": (1000, False), b"PX": (1, False), b"EXAT": (1000, True), b"PXAT": (1, True)}
"""Options for an expiry: milliseconds a unit, and whether it is a time since 1970."""


def expiry(database: Database, option: bytes, word: bytes, command: str) -> int:
    """The time, in milliseconds since 1970, that EX, PX, EXAT or PXAT and its value mean."""
    unit, absolute = UNITS[option]
    value = whole(word) * unit
    if value <= 0 or value >= 1 << 63:
        raise from_server(f"ERR invalid expire time in '{command}' command")
    return value if absolute else database.milliseconds() + value


def put(database: Database, key: bytes, value: bytes, when: int | None = None) -> None:
    """Set *key*, which expires at *when* from now on, or not at all."""
    database.expiries.pop(key, None)
    database[key] = value
    if when is not None:
        database.expire_at(key, when)


def _get(database: Database, words: Words) -> Answer:
    return database.text(words[0])


def _set(database: Database, words: Words) -> Answer:
    key, value, *rest = words
    flags, when = set[bytes](), None
    while rest:
        option = rest.pop(0).upper()
        if option in UNITS and rest and not flags & {*UNITS, b"KEEPTTL"}:
            when = (option, rest.pop(0))
        elif option in UNITS or (option == b"KEEPTTL" and flags & UNITS.keys()):
            raise syntax_error()
        elif option not in {b"NX", b"XX", b"GET", b"KEEPTTL"}:
            raise unknown_option("SET", option)
        flags.add(option)
    if {b"NX", b"XX"} <= flags:
        raise syntax_error()
    moment = expiry(database, *when, "set") if when else None
    old = database.text(key) if b"GET" in flags else None
    refused = key in database if b"NX" in flags else b"XX" in flags and key not in database
    if not refused:
        kept = database.expiries.get(key) if b"KEEPTTL" in flags else moment
        put(database, key, value, kept)
    if b"GET" in flags:
        return old
    return None if refused else "OK"


def _setnx(database: Database, words: Words) -> Answer:
    key, value = words
    if key in database:
        return 0
    put(database, key, value)
    return 1


def _setex(database: Database, words: Words) -> Answer:
    key, seconds, value = words
    put(database, key, value, expiry(database, b"EX", seconds, "setex"))
    return "OK"


def _psetex(database: Database, words: Words) -> Answer:
    key, milliseconds, value = words
    put(database, key, value, expiry(database, b"PX", milliseconds, "psetex"))
    return "OK"


def _getset(database: Database, words: Words) -> Answer:
    key, value = words
    old = database.text(key)
    put(database, key, value)
    return old


def _getdel(database: Database, words: Words) -> Answer:
    old = database.text(words[0])
    database.pop(words[0], None)
    return old


def _getex(database: Database, words: Words) -> Answer:
    key, *options = words
    if not options:
        return database.text(key)
    when: int | None = None
    match [option.upper() for option in options]:
        case [b"PERSIST"]:
            pass
        case [(b"EX" | b"PX" | b"EXAT" | b"PXAT") as option, _]:
            found = database.text(key)
            if found is None:
                return None
            when = expiry(database, option, options[1], "getex")
        case [(b"EX" | b"PX" | b"EXAT" | b"PXAT" | b"PERSIST"), *_]:
            raise syntax_error()
        case [option, *_]:
            raise unknown_option("GETEX", option)
        case _:
            raise syntax_error()
    found = database.text(key)
    if key in database and (when is not None or key in database.expiries):
        database.expire_at(key, when)
    return found


def _mget(database: Database, words: Words) -> Answer:
    values = [database.get(key) for key in words]
    return [value if isinstance(value, bytes) else None for value in values]


def _mset(database: Database, words: Words) -> Answer:
    for key, value in pairs(words, b"mset"):
        put(database, key, value)
    return "OK"


def _msetnx(database: Database, words: Words) -> Answer:
    items = pairs(words, b"msetnx")
    if any(key in database for key, _ in items):
        return 0
    _mset(database, words)
    return 1


# -- parts of a string ----------------------------------------------------------------------------


def _strlen(database: Database, words: Words) -> Answer:
    return len(database.text(words[0]) or b"")


def _append(database: Database, words: Words) -> Answer:
    value = (database.text(words[0]) or b"") + words[1]
    database[words[0]] = value
    return len(value)


def _getrange(database: Database, words: Words) -> Answer:
    first, last = whole(words[1]), whole(words[2])
    text = database.text(words[0]) or b""
    if first < 0 and last < 0 and first > last:
        return b""
    start, stop = bounds(len(text), first, max(last, -len(text)))
    return text[start:stop]


def _setrange(database: Database, words: Words) -> Answer:
    key, word, part = words
    offset = whole(word)
    if offset < 0:
        raise from_server("ERR offset is out of range")
    text = database.text(key) or b""
    if not part:
        return len(text)
    if offset + len(part) > 512 * 1024 * 1024:
        raise from_server("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    value = text[:offset].ljust(offset, b"\0") + part + text[offset + len(part) :]
    database[key] = value
    return len(value)


# -- numbers ------------------------------------------------------------------------------------


def added(old: bytes | None, amount: int, message: str) -> int:
    """A sum of 64 bits; *message* refuses an *old* that is no number."""
    try:
        total = whole(old if old is not None else b"0") + amount
    except Exception as error:
        raise from_server(message) from error
    if not -(1 << 63) <= total < 1 << 63:
        raise from_server("ERR increment or decrement would overflow")
    return total


def _extended(number: Fraction) -> Fraction:
    """*number* with the 64 bits of precision that a server's long double has."""
    if not number:
        return number
    exponent = number.numerator.bit_length() - number.denominator.bit_length() - 64
    step = Fraction(2) ** exponent
    if abs(number) / step >= 1 << 64:
        step *= 2
    return round(number / step) * step


def _decimal(word: bytes, message: str) -> Fraction:
    if math.isinf(real(word, message)):
        raise from_server("ERR value is NaN or Infinity")
    return _extended(Fraction(word.decode()))


def added_real(old: bytes | None, amount: bytes, message: str) -> bytes:
    """A sum of decimals as the server writes it; *message* refuses an *old* that is no number."""
    terms = _decimal(old if old is not None else b"0", message), _decimal(amount, NO_FLOAT)
    digits = round(_extended(terms[0] + terms[1]) * 10**17)
    whole_part, rest = divmod(abs(digits), 10**17)
    text = f"{whole_part}.{rest:017}".rstrip("0").rstrip(".")
    return f"{'-' * (digits < 0)}{text}".encode()


def _change(database: Database, key: bytes, amount: int) -> int:
    message = "ERR value is not an integer or out of range"
    number = added(database.text(key), amount, message)
    database[key] = b"%d" % number
    return number


def _incr(database: Database, words: Words) -> Answer:
    return _change(database, words[0], 1)


def _decr(database: Database, words: Words) -> Answer:
    return _change(database, words[0], -1)


def _incrby(database: Database, words: Words) -> Answer:
    return _change(database, words[0], whole(words[1]))


def _decrby(database: Database, words: Words) -> Answer:
    amount = whole(words[1])
    if amount == -(1 << 63):
        raise from_server("ERR decrement would overflow")
    return _change(database, words[0], -amount)


def _incrbyfloat(database: Database, words: Words) -> Answer:
    key, amount = words
    value = added_real(database.text(key), amount, NO_FLOAT)
    database[key] = value
    return value


STRINGS: Final[CommandTable] = {
    b"APPEND": exactly(2, _append),
    b"DECR": exactly(1, _decr),
    b"DECRBY": exactly(2, _decrby),
    b"GET": exactly(1, _get),
    b"GETDEL": exactly(1, _getdel),
    b"GETEX": KnownCommand(_getex, 1),
    b"GETRANGE": exactly(3, _getrange),
    b"GETSET": exactly(2, _getset),
    b"INCR": exactly(1, _incr),
    b"INCRBY": exactly(2, _incrby),
    b"INCRBYFLOAT": exactly(2, _incrbyfloat),
    b"MGET": KnownCommand(_mget, 1),
    b"MSET": KnownCommand(_mset, 2),
    b"MSETNX": KnownCommand(_msetnx, 2),
    b"PSETEX": exactly(3, _psetex),
    b"SET": KnownCommand(_set, 2),
    b"SETEX": exactly(3, _setex),
    b"SETNX": exactly(2, _setnx),
    b"SETRANGE": exactly(3, _setrange),
    b"STRLEN": exactly(1, _strlen),
    b"SUBSTR": exactly(3, _getrange),
}
"""The commands on strings, by name."""
