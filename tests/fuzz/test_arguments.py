"""Every command method, with arguments of all kinds: what it sends is a command of the servers.

A call is refused by `DataError`, or its words parse by the `arguments` of COMMAND DOCS of some
server, with each value where it was given.  `ANYREDIS_FUZZ_CASES` sets the number of calls of each
method; a run takes a hundredth of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.errors import NoSuchExample

from anyredis.command import Command
from anyredis.exceptions import DataError
from tests.contract.rotation import share
from tests.fuzz.arguments import (
    DEFINITIONS,
    FORMS,
    OWN,
    AsValues,
    Call,
    calls,
    options_of,
    signature_of,
)
from tests.fuzz.conftest import CASES, SEED
from tests.fuzz.grammar import CORRECTIONS, Argument, grammar, parse, same_meaning
from tests.fuzz.reading import ADDED, PLACES, REVERSED, SPLIT, UNTOLD, fault

OURS = AsValues()

each_method = pytest.mark.parametrize("method", share(sorted(DEFINITIONS)))

QUIET = settings(
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def made(call: Call) -> Command[Any] | None:
    """The command of *call*; None if it is refused."""
    try:
        command: Command[Any] = getattr(OURS, call.method)(*call.args, **call.kwargs)
    except DataError:
        return None
    return command


def is_accepted(call: Call) -> bool:
    """Whether there is a command of *call*."""
    return made(call) is not None


@each_method
def test_what_is_sent(method: str) -> None:
    """Whatever is given is refused, or stands where the servers' grammar wants it."""

    @seed(SEED)
    @settings(QUIET, max_examples=max(3, CASES // 100))
    @given(call=calls(method))
    def each(call: Call) -> None:
        command = made(call)
        assert command is None or fault(call, command) is None, fault(call, command)

    each()


def is_never_accepted(method: str, option: str | None) -> bool:
    """Whether each call of *method* that gives *option* is refused, of some hundred."""
    search = settings(QUIET, max_examples=500, phases=[Phase.generate])
    try:
        call = find(calls(method, option), is_accepted, settings=search, random=random.Random(SEED))
    except NoSuchExample:
        return True
    command = made(call)
    assert command is not None
    assert fault(call, command) is None, fault(call, command)
    return False


@each_method
def test_every_option_is_sent(method: str) -> None:
    """Each method is called without being refused, and each of its options is given so."""
    assert [each for each in (None, *options_of(method)) if is_never_accepted(method, each)] == []


# -- the tables, and the parser -------------------------------------------------------------------


def test_the_tables_are_about_methods_and_parameters_that_exist() -> None:
    """No exception outlives its reason."""
    parameters = {name: {*signature_of(name).parameters, *options_of(name)} for name in DEFINITIONS}
    parameters[""] = {name for names in parameters.values() for name in names}
    told = [tuple(each.partition(".")[::2]) for each in [*PLACES, *SPLIT]]
    told += [tuple(each.rpartition(".")[::-2]) for each in [*OWN, *UNTOLD, *REVERSED]]
    told += [(each, method) for method, forms in FORMS.items() for form in forms for each in form]
    assert [(name, method) for name, method in told if name not in parameters[method]] == []
    assert ADDED.keys() - DEFINITIONS.keys() == set()


def test_the_corrections_are_about_arguments_that_exist() -> None:
    """Each is the name of an argument of that command."""

    def names(arguments: Iterable[Argument]) -> set[str]:
        return {each["name"] for each in arguments}.union(
            *(names(each.get("arguments", ())) for each in arguments)
        )

    for command, name in CORRECTIONS:
        assert name in set[str]().union(*(names(each.arguments) for each in grammar()[command]))


def readings(text: str) -> list[list[str]]:
    """Each reading of a command, its words with the names of their arguments."""
    name, *words = text.split()
    return [
        [f"{read.path[-1]}={read.word.decode()}" for read in reads if not read.is_token]
        for reads in parse(name, [word.encode() for word in words])
    ]


PARSED: list[tuple[str, list[list[str]]]] = [
    ("GET k", [["key=k"]]),
    ("GET", []),
    ("GET k v", []),
    ("SET k EX EX 5", [["key=k", "value=EX", "seconds=5"]] * 2),
    ("SET k v EX", []),
    ("SET k v EX x", []),
    ("SET k v EX 5 PX 5", []),
    ("SET k v NX NX", []),
    ("SET k v GET NX", [["key=k", "value=v"]] * 2),
    ("MSET a b c", []),
    ("ZUNION 2 a WEIGHTS WITHSCORES", [["numkeys=2", "key=a", "key=WEIGHTS"]]),
    ("ZUNION 3 a b", []),
    ("XREAD STREAMS a b 0 1", [["key=a", "key=b", "id=0", "id=1"]]),
    ("XREAD STREAMS a b 0", []),
    ("SORT k GET a GET b", [["key=k", "get-pattern=a", "get-pattern=b"]]),
]


@pytest.mark.parametrize(("text", "expected"), PARSED)
def test_the_parser(text: str, expected: list[list[str]]) -> None:
    """It reads what the servers read, and refuses what they refuse."""
    assert {tuple(each) for each in readings(text)} == {tuple(each) for each in expected}


SAME = [
    ("SET k v NX EX 5", "SET k v EX 5 NX", True),
    ("SET k v EX 5", "SET v k EX 5", False),
    ("SMOVE a b v", "SMOVE b a v", False),
    ("ZADD k GT CH 1 a 2 b", "ZADD k CH GT 1 a 2 b", True),
    ("ZADD k 1 a 2 b", "ZADD k 2 b 1 a", False),
    ("SORT k LIMIT 0 1 ALPHA", "SORT k ALPHA LIMIT 0 1", True),
    ("GET k", "DEL k", False),
    ("UNKNOWN a b", "UNKNOWN b a", False),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_the_order_of_options_means_nothing(one: str, other: str, same: bool) -> None:
    """And that of all else does."""
    assert same_meaning(one.encode().split(), other.encode().split()) is same


WRONG = [
    (Call("set", ("k", "v"), {"ex": 5}), "SET k v PX 5"),
    (Call("set", ("k", "v"), {}), "SET v k"),
    (Call("set", ("k", "v"), {"nx": True}), "SET k v"),
    (Call("zadd", ("k", {"m": 1.5}), {}), "ZADD k 2.5 m"),
    (Call("copy", ("a", "b"), {}), "COPY b a"),
    (Call("get", ("k",), {}), "GET k k"),
    (Call("blpop", (["a"], 2.0), {}), "BLPOP a 0"),
    (Call("lrange", ("k", 0, 1), {}), "LRANGE k 1 0"),
]


@pytest.mark.parametrize(("call", "text"), WRONG)
def test_a_fault_is_found(call: Call, text: str) -> None:
    """A value in another place, one too many, and one that is missing."""
    wrong = Command(tuple(word.encode() for word in text.split()), lambda reply: reply)
    assert fault(call, wrong) is not None
    right = made(call)
    assert right is not None
    assert fault(call, right) is None
