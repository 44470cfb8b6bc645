"""A random conversation with a server, in calls that redis-py and anyredis both take.

Law: the forms of the calls are the rows of `tests/commands/redis_py_calls.txt`; this file gives them
keys that exist, in a few names for each type, and values.  A conversation is a function of its seed,
and asks nothing that the server answers by chance or by the clock: `LEFT_OUT` names those.
"""

from __future__ import annotations

import ast
import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import redis

from anyredis.exceptions import DataError
from anyredis.facts.lookup import facts_of
from tests.commands.test_redis_py import LOCAL, ROWS, SCAN_METHODS, our_words, their_words
from tests.fuzz.arguments import DEFINITIONS

KINDS: Final[dict[str, str]] = {
    "Arrays": "array",
    "Bitmaps": "string",
    "BlockingLists": "list",
    "Counters": "number",
    "Geo": "place",
    "HashExpiry": "hash",
    "Hashes": "hash",
    "HyperLogLogs": "log",
    "KeyExpiry": "any",
    "Keys": "any",
    "Lists": "list",
    "Scripting": "string",
    "Sets": "set",
    "SortedSetCombinations": "score",
    "SortedSetRanges": "score",
    "SortedSets": "score",
    "Sorting": "list",
    "StreamGroups": "stream",
    "StreamReports": "stream",
    "Streams": "stream",
    "Strings": "string",
}
"""The groups that a conversation uses, with the type of their keys; all others are about the server."""

TYPES: Final = ("string", "number", "list", "hash", "set", "score", "place", "stream", "log")

LEFT_OUT: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("spop", "srandmember", "hrandfield", "zrandmember", "randomkey"),
        "the server's choice",
    ),
    **dict.fromkeys(("ttl", "pttl", "httl", "hpttl"), "the time that passed"),
    **dict.fromkeys(
        ("expiretime", "pexpiretime", "hexpiretime", "hpexpiretime"), "the time of a call"
    ),
    "keys": "in the order of the server's own random numbers",
    **dict.fromkeys(("scan", "scan_iter"), "in the order of the server's own random numbers"),
    "migrate": "needs a second server",
    **dict.fromkeys(("script_flush", "script_kill"), "about the server's state"),
    **dict.fromkeys(("dump", "xinfo_consumers", "xpending_range"), "holds the times of deliveries"),
}
"""Methods that a conversation does not use, with the reason."""

WAITING: Final = ("bl", "br", "bz")
"""The beginnings of the names of methods that wait: their time is the 5 of the table's rows."""

NO_CALLS: Final = ("block=0", "radius=0")
"""What no call of a conversation has."""

POPULATION: Final = (
    'set("string:0", "hello")',
    'set("number:0", "41")',
    'rpush("list:0", "3", "1", "2", "1")',
    'hset("hash:0", "a", "1")',
    'hset("hash:0", "b", "x y")',
    'sadd("set:0", "1", "2", "3")',
    'sadd("set:1", "2", "3", "a")',
    'zadd("score:0", {"a": 1, "b": 2.5, "c": -1})',
    'zadd("score:1", {"b": 3, "d": 0.1})',
    'geoadd("place:0", (13.361389, 38.115556, "a", 15.087269, 37.502669, "b"))',
    'xadd("stream:0", {"a": "1"}, "1-0")',
    'xadd("stream:0", {"b": "2", "c": "3"}, "2-0")',
    'xgroup_create("stream:0", "g", "0")',
    'pfadd("log:0", "a", "b")',
    'setbit("string:1", 7, 1)',
)
"""The first calls: at least one key of each type."""

SCRIPTS: Final = (
    "return {KEYS[1] or 'none', ARGV[1] or 'no', 1, 3.7}",
    "return redis.call('INCRBY', KEYS[1], 2)",
    "return {ok='fine'}",
    "return redis.error_reply('ERR own')",
    "return",
)
SHA: Final = hashlib.sha1(SCRIPTS[0].encode()).hexdigest()
VALUES: Final = ("a", "b", "c", "d", "1", "2", "10", "-3", "2.5", "x y", "é", "")
LEX: Final = ("-", "+", "[a", "(b", "[c")
FREE: Final = frozenset({"v", "f", "a", "b", "x", "y", "k", "m", "p"})
"""Words of the rows that stand for any value, where they are no key."""

IDS: Final = ("0", "1-0", "2-0", "3-0", "5-0", "7-1", "9-0")
LONG: Final = {"ex": 10**7, "px": 10**10, "exat": 4 * 10**9, "pxat": 4 * 10**12}
"""Times that no conversation reaches."""

LASTING: Final = {
    **dict.fromkeys(("expire", "hexpire", "setex"), LONG["ex"]),
    **dict.fromkeys(("pexpire", "hpexpire", "psetex"), LONG["px"]),
}
"""Methods whose whole numbers are durations."""


class Form(NamedTuple):
    """A call of the table."""

    method: str
    call: str
    keys: frozenset[str]
    kind: str
    same_words: bool


def forms() -> list[Form]:
    """The calls of the table that are not refused, and that a conversation may use."""
    return [form for row in ROWS if row["sign"] != "->" for form in _form(row["call"], row["sign"])]


def _form(call: str, sign: str | None) -> Iterator[Form]:
    method = call.partition("(")[0]
    owner = DEFINITIONS[method].owner if method in DEFINITIONS else None
    group = "Keys" if method in SCAN_METHODS else owner.__name__ if owner else ""
    if method in LEFT_OUT or method in LOCAL or group not in KINDS:
        return
    words = our_words(call)
    facts = facts_of(tuple(words))
    # An ID that the server makes, and a wait without an end; redis-py leaves out a radius of 0.
    chance = b"*" in words or b"$" in words
    if chance or any(each in call for each in NO_CALLS) or _waits_forever(method, words):
        return
    places = facts.key_positions(tuple(words)) or ()
    keys = frozenset(words[at].decode() for at in places)
    scans = {"sscan_iter": "set", "hscan_iter": "hash", "zscan_iter": "score"}
    yield Form(method, call, keys, scans.get(method, KINDS[group]), sign is None)


def _waits_forever(method: str, words: list[bytes]) -> bool:
    return method.startswith(WAITING) and b"5" not in words


class Changed(ast.NodeTransformer):
    """Puts other keys, values and numbers into a call."""

    def __init__(self, form: Form, dice: random.Random) -> None:
        self._form = form
        self._dice = dice
        self._keys: dict[str, str] = {}
        self._option = ""

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        """Remember the option whose value it is."""
        self._option = node.arg or ""
        changed = self.generic_visit(node)
        self._option = ""
        return changed

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Another value of the same meaning."""
        return ast.copy_location(ast.Constant(self._other(node.value)), node)

    def _other(self, value: Any) -> Any:
        if isinstance(value, str):
            if value in self._form.keys:
                return self._keys.setdefault(value, self._key())
            return self._text(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        time = self._time(value)
        if time is not None:
            return time
        if "lex" in self._form.method:
            return self._dice.choice(LEX)
        if self._form.kind == "place":
            return value + self._dice.choice((0, 1, 0.5))  # redis-py leaves out a radius of 0
        return self._dice.choice((value, 0, 1, 2, 3, -1)) if isinstance(value, int) else value

    def _time(self, value: float) -> float | None:
        """Another time or duration; None if the number is none."""
        method, dice = self._form.method, self._dice
        if self._option in LONG:
            return LONG[self._option] + dice.randrange(9)
        if method in LASTING:
            return LASTING[method] + dice.randrange(9)
        if method.endswith("expireat"):
            return dice.choice((9, LONG["pxat" if "pexp" in method else "exat"]))
        if value in {5, 5000} and method.startswith((*WAITING, "xread")):
            return 0.01 if value == 5 else 5
        return dice.choice((0, 10**9)) if value == 60000 else None

    def _key(self) -> str:
        kind = self._form.kind
        if kind == "any" or self._dice.random() < 0.05:
            kind = self._dice.choice(TYPES)
        return f"{kind}:{self._dice.randrange(3)}"

    def _text(self, value: str) -> str:
        if value in {"s", "0f"} and self._form.method.startswith(("eval", "script")):
            return self._dice.choice(SCRIPTS) if value == "s" else SHA
        if "lex" in self._form.method and value in FREE:
            return self._dice.choice(LEX)
        if self._form.kind == "place" and value in FREE:
            return self._dice.choice(VALUES[:-1])  # redis-py takes an empty member for none
        if value in IDS and self._form.kind == "stream":
            return self._dice.choice(IDS)
        return self._dice.choice(VALUES) if value in FREE else value


def changed(form: Form, dice: random.Random) -> str:
    """The call with other keys and values."""
    return ast.unparse(Changed(form, dice).visit(ast.parse(form.call, mode="eval")))


class Step(NamedTuple):
    """One call of a conversation, with the words that each client sends."""

    method: str
    call: str
    ours: list[bytes]
    theirs: list[bytes]
    same_words: bool


def conversation(dice: random.Random, length: int) -> list[Step]:
    """Calls that both clients take: what one of them refuses is left out."""
    all_forms = forms()
    kinds = {kind: [form for form in all_forms if form.kind == kind] for kind in KINDS.values()}
    steps = [
        Step(call.partition("(")[0], call, our_words(call), their_words(call), same_words=True)
        for call in POPULATION
    ]
    beginning = [*steps]
    while len(steps) < length:
        if len(steps) % 100 == 0:
            steps += beginning
        form = dice.choice(kinds[dice.choice([kind for kind in kinds if kinds[kind]])])
        call = changed(form, dice)
        ours, theirs = words_of(our_words, call), words_of(their_words, call)
        if ours is not None and theirs is not None:
            steps.append(Step(form.method, call, ours, theirs, form.same_words))
    return steps


def words_of(words: Callable[[str], list[bytes]], call: str) -> list[bytes] | None:
    """The words of a call; None if it is refused."""
    try:
        return words(call)
    except (DataError, redis.RedisError, TypeError, ValueError):
        return None
