"""The servers' own grammar of commands, and a parser of the words of a command by it.

Law: `grammar.jsonl` has the `arguments` of COMMAND DOCS of each server, as they are.  A parse is
the first reading that uses up all words; options that follow each other may come in any order, as
for the servers.  A number of items (`numkeys`) holds for the items behind it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

FILE = Path(__file__).with_name("grammar.jsonl")

Argument: TypeAlias = Mapping[str, Any]
"""One argument of a command, as COMMAND DOCS describes it."""

WHOLE = re.compile(rb"-?\d+")


class Read(NamedTuple):
    """A word that a parse has read, and where: the names and tokens around it, outermost first."""

    path: tuple[str, ...]
    type: str
    word: bytes

    @property
    def is_token(self) -> bool:
        """Whether it is a word of the command's own, not a value."""
        return self.type in {"token", "pure-token"}


class Variant(NamedTuple):
    """The arguments of a command on some *servers*."""

    servers: tuple[str, ...]
    arguments: Sequence[Argument]


CORRECTIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    **dict.fromkeys(
        [
            (name, bound)
            for name in ("ZCOUNT", "ZREMRANGEBYSCORE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE")
            for bound in ("min", "max")
        ],
        ("score", "a score may be exclusive: (1"),
    ),
    **dict.fromkeys(
        [("BITFIELD", "offset"), ("BITFIELD_RO", "offset")],
        ("offset", "an offset may count integers: #1"),
    ),
    ("ZINCRBY", "increment"): ("double", "an increment may be a fraction"),
    **dict.fromkeys(
        [(name, "weight") for name in ("ZINTER", "ZINTERSTORE", "ZUNION", "ZUNIONSTORE")],
        ("double", "a weight may be a fraction"),
    ),
    **dict.fromkeys(
        [(name, "condition") for name in ("EXPIRE", "EXPIREAT", "PEXPIRE", "PEXPIREAT")],
        ("multiple", "XX goes with GT and LT"),
    ),
    **dict.fromkeys(
        [("CLIENT LIST", "client-type"), ("CLIENT LIST", "not-client-type")],
        ("string", "the server takes SLAVE and PRIMARY too"),
    ),
    ("LOLWUT", "version"): ("multiple", "each version takes numbers of its own behind it"),
}
"""Arguments whose type in COMMAND DOCS is narrower than what the server takes, with the reason."""


def corrected(name: str, arguments: Sequence[Argument]) -> Sequence[Argument]:
    """The *arguments* of a command with their `CORRECTIONS`."""
    found: list[Argument] = []
    for each in arguments:
        told = dict(each)
        really, _ = CORRECTIONS.get((name, each["name"]), (None, ""))
        if really == "multiple":
            told["flags"] = [*each.get("flags", ()), "multiple"]
        elif really is not None:
            told |= {
                "really": really,
                "type": "string" if each["type"] == "oneof" else each["type"],
            }
        if "arguments" in each:
            told["arguments"] = corrected(name, each["arguments"])
        found.append(told)
    return found


@cache
def grammar() -> Mapping[str, Sequence[Variant]]:
    """Each command with its variants."""
    found: dict[str, list[Variant]] = {}
    for line in FILE.read_text().splitlines():
        row = json.loads(line)
        arguments = corrected(row["name"], row["arguments"])
        variant = Variant(tuple(row["servers"]), arguments)
        found.setdefault(row["name"], []).append(variant)
    return found


def parse(name: str, words: Sequence[bytes]) -> Iterator[list[Read]]:
    """The first complete reading of *words*, which follow *name*, by each variant that has one."""
    for variant in grammar()[name]:
        for end, reads in _sequence(variant.arguments, words, 0, ()):
            if end == len(words):
                yield reads
                break


Readings: TypeAlias = Iterator[tuple[int, list[Read]]]
"""The end of each reading, and what it has read."""


def _sequence(
    arguments: Sequence[Argument], words: Sequence[bytes], at: int, path: tuple[str, ...]
) -> Readings:
    """The readings of all *arguments*, from the word *at* on."""
    if not arguments:
        yield at, []
        return
    options = 0
    while options < len(arguments) and "optional" in arguments[options].get("flags", ()):
        options += 1
    for chosen in range(options):
        rest = [*arguments[:chosen], *arguments[chosen + 1 :]]
        yield from _then(arguments[chosen], rest, words, at, path)
    behind = arguments[options:]
    if not behind:
        yield at, []
    elif len(behind) == 2 and all(each.get("flags") == ["multiple"] for each in behind):
        yield from _halves(behind, words, at, path)
    else:
        yield from _then(behind[0], behind[1:], words, at, path)


def _then(
    first: Argument,
    rest: Sequence[Argument],
    words: Sequence[bytes],
    at: int,
    path: tuple[str, ...],
) -> Readings:
    for middle, reads in _repeated(first, words, at, path):
        for end, more in _sequence(_counted(reads, rest), words, middle, path):
            yield end, reads + more


def _counted(reads: Sequence[Read], rest: Sequence[Argument]) -> Sequence[Argument]:
    """*rest*, whose first argument has to come as often as the number that was read says."""
    if not reads or not rest or "multiple" not in rest[0].get("flags", ()):
        return rest
    if is_count(reads[-1]) or (reads[-1].path[-1] == "count" and rest[0]["name"] == "slot"):
        return [{**rest[0], "times": int(reads[-1].word)}, *rest[1:]]
    return rest


def is_count(read: Read) -> bool:
    """Whether it is the number of items that follow."""
    return read.type == "integer" and re.fullmatch(r"num\w*(-\w+)?", read.path[-1]) is not None


def _halves(
    both: Sequence[Argument], words: Sequence[bytes], at: int, path: tuple[str, ...]
) -> Readings:
    """Two lists of one length, which fill the rest of the words: keys and their IDs."""
    half, odd = divmod(len(words) - at, 2)
    if odd or half == 0:
        return
    counted = [{**each, "times": half} for each in both]
    for middle, reads in _repeated(counted[0], words, at, path):
        for end, more in _repeated(counted[1], words, middle, path):
            yield end, reads + more


def _repeated(
    argument: Argument, words: Sequence[bytes], at: int, path: tuple[str, ...]
) -> Readings:
    """The readings of one argument, as often as it may come: the shortest first."""
    flags, token = argument.get("flags", ()), argument.get("token")
    if "multiple" not in flags:
        yield from _once(argument, words, at, path)
        return
    times = argument.get("times")
    start, before = at, list[Read]()
    if token is not None and "multiple_token" not in flags:
        if not _is(token, words, at):
            return
        path = (*path, token)
        start, before = at + 1, [Read((*path, argument["name"]), "token", words[at])]
        argument = {key: value for key, value in argument.items() if key != "token"}
    yield from _more(argument, words, path, times, (0, start, before))


def _more(
    argument: Argument,
    words: Sequence[bytes],
    path: tuple[str, ...],
    times: int | None,
    so_far: tuple[int, int, list[Read]],
) -> Readings:
    """The readings of *argument* that has been read some times *so_far*."""
    count, at, reads = so_far
    if count == times or (times is None and count):
        yield at, reads
    if count == times:
        return
    for end, more in _once(argument, words, at, path):
        if end > at:
            yield from _more(argument, words, path, times, (count + 1, end, reads + more))


def _once(argument: Argument, words: Sequence[bytes], at: int, path: tuple[str, ...]) -> Readings:
    """The readings of one argument that comes once, with its token."""
    token, kind = argument.get("token"), argument["type"]
    path = (*path, *([token] if token else []), argument["name"])
    before = list[Read]()
    if token is not None or kind == "pure-token":
        # MIGRATE's empty string is a token without a text.
        if not _is("" if token is None else token, words, at):
            return
        before = [Read(path, "pure-token" if kind == "pure-token" else "token", words[at])]
        at += 1
    if kind == "pure-token":
        yield at, before
        return
    if kind == "oneof":
        for each in argument["arguments"]:
            for end, reads in _repeated(each, words, at, path):
                yield end, before + reads
        return
    if kind == "block":
        for end, reads in _sequence(argument["arguments"], words, at, path):
            yield end, before + reads
        return
    if at < len(words) and fits(argument.get("really", kind), words[at]):
        yield at + 1, [*before, Read(path, kind, words[at])]


def _is(token: str, words: Sequence[bytes], at: int) -> bool:
    return at < len(words) and words[at].upper() == token.upper().encode()


def fits(kind: str, word: bytes) -> bool:
    """Whether *word* is a value of this type for the servers."""
    if kind in {"integer", "unix-time"}:
        return WHOLE.fullmatch(word) is not None
    if kind == "score":
        word = word.removeprefix(b"(")
    if kind == "offset":
        return WHOLE.fullmatch(word.removeprefix(b"#")) is not None
    if kind in {"double", "score"}:
        try:
            return not math.isnan(float(word))
        except ValueError:
            return False
    return True
