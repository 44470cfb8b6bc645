"""Each method that redis-py 8.1 has too: its calls send redis-py's words, or are refused.

`redis_py_calls.txt` lists the calls, one a line.  A call alone sends the words of redis-py, perhaps
with the options in another order.  `call  => words` sends other words, of the same meaning.
`call  -> text` is refused, and the message has the text.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Coroutine
from inspect import Parameter
from pathlib import Path
from typing import Any, TypeVar, cast

import hiredis
import pytest
import redis
from redis.connection import Connection

from anyredis import Redis
from anyredis.client.scans import Scans
from anyredis.command import Blueprint, Command
from anyredis.commands.core import CoreCommands
from anyredis.commands.hash_import import HashImport
from anyredis.commands.session import SessionCommands
from anyredis.exceptions import DataError
from anyredis.redis_py_arguments import METHODS, NEXT
from anyredis.replies import TextReaders
from anyredis.testing import FakeServer
from anyredis.unfit_calls import first_option
from anyredis.wire.encode import encode, encoder
from tests.command_pages.collect_peers import REDIS_PY_MODULES
from tests.commands.modules.plans import NAMESPACES
from tests.fuzz.grammar import same_meaning

T = TypeVar("T")


class SentError(Exception):
    """Carries the words of a command out of a client, which would wait for a reply."""

    def __init__(self, words: tuple[Any, ...]) -> None:
        super().__init__()
        self.words = words


class Theirs(redis.Redis):
    """redis-py, whose commands end once their words are known."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Raise `SentError`."""
        raise SentError(args)


class Ours(Blueprint, CoreCommands[str], SessionCommands[str], HashImport[str]):
    """All our commands, as values."""

    read = TextReaders(str)


class OurScans(Scans[str]):
    """Our scans, whose commands end once their words are known."""

    read = TextReaders(str)

    def submit(self, command: Command[T]) -> Coroutine[Any, Any, T]:
        """Raise `SentError`."""
        raise SentError(command.args)


OURS, SCANS = Ours(), OurScans()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    THEIRS = Theirs()

LINE = re.compile(r"(?P<call>\w+\(.*?\))(?:  (?P<sign>=>|->) (?P<text>.*))?")

ROWS = [
    match
    for line in Path(__file__).with_name("redis_py_calls.txt").read_text().splitlines()
    if line and not line.startswith("#")
    for match in [LINE.fullmatch(line)]
    if match is not None or pytest.fail(f"not a row: {line}")
]

SCAN_METHODS = {"hscan_iter", "scan_iter", "sscan_iter", "zscan_iter"}

ELSEWHERE = {
    "execute_command": "takes words and nothing else in both",
    "monitor": "no command: compared in tests/client/test_monitor.py",
    **dict.fromkeys(NAMESPACES, "a namespace: tests/commands/modules/test_redis_py_modules.py"),
    "transaction": "no command: compared in tests/client/test_optimistic.py",
    "from_url": "its options are compared with all others of clients and pools",
    "pipeline": "compared below",
    "pubsub": "its options are tested with the client's other ways to subscribe",
    "register_script": "sends nothing: tests/client/test_scripts.py",
}

LOCAL = {
    "arop",
    "command_docs",
    "command_info",
    "failover",
    "himport_discard",
    "himport_discard_all",
    "himport_prepare",
    "latency_doctor",
    "latency_histogram",
    "memory_doctor",
    "unwatch",
    "watch",
}
"""Methods of redis-py that send nothing at once, nothing outside of a pipeline, or no plain text."""


def words(args: tuple[Any, ...]) -> list[bytes]:
    """The words as redis-py packs them."""
    packing = cast("Callable[[], Any]", Connection)()
    raw = b"".join(cast("list[bytes]", packing.pack_command(*args)))
    reader = hiredis.Reader()
    reader.feed(raw)
    return cast("list[bytes]", reader.gets())


def their_words(call: str) -> list[bytes]:
    """The words that redis-py sends for *call*."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # methods that redis-py calls experimental
        try:
            result = eval(f"client.{call}", {"client": THEIRS})
            next(result)
        except SentError as sent:
            return words(sent.words)
    raise AssertionError(call)


def our_words(call: str) -> list[bytes]:
    """The words that we send for *call*."""
    if call.partition("(")[0] in SCAN_METHODS:
        scan = eval(f"client.{call}", {"client": SCANS})
        with pytest.raises(SentError) as sent:
            anext(scan).send(None)
        args = sent.value.words
    else:
        args = eval(f"client.{call}", {"client": OURS}).args
    raw = encode(encoder(), args)
    reader = hiredis.Reader()
    reader.feed(raw)
    return cast("list[bytes]", reader.gets())


def of_kind(sign: str | None) -> list[Any]:
    """The rows with that sign, those of one method together as a test's arguments."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for row in ROWS:
        if row["sign"] == sign:
            name = row["call"].partition("(")[0]
            rows.setdefault(name, []).append((row["call"], row["text"]))
    return [pytest.param(each, id=name) for name, each in rows.items()]


@pytest.mark.parametrize("rows", of_kind(None))
def test_the_same_words(rows: list[tuple[str, None]]) -> None:
    """The command is the same, word for word; only options may come in another order."""
    for call, _ in rows:
        assert same_meaning(our_words(call), their_words(call)), call


@pytest.mark.parametrize("rows", of_kind("=>"))
def test_other_words_of_the_same_meaning(rows: list[tuple[str, str]]) -> None:
    """The words are those in the table, and not those of redis-py."""
    for call, text in rows:
        assert our_words(call) == text.encode().split(), call
        if call.partition("(")[0] not in LOCAL:
            assert their_words(call) != our_words(call), call


@pytest.mark.parametrize("rows", of_kind("->"))
def test_a_refusal(rows: list[tuple[str, str]]) -> None:
    """It is an error about the call, before anything is sent, and names what to write."""
    for call, text in rows:
        with pytest.raises(DataError) as refused:
            our_words(call)
        assert isinstance(refused.value, (TypeError, ValueError)), call
        assert text in str(refused.value), call


# -- the table is complete ----------------------------------------------------------------------


def shared_names() -> set[str]:
    """The public methods that our clients and sessions have, and redis-py has too."""
    return {
        name
        for name in {*dir(Redis), *dir(Ours)}
        if not name.startswith("_") and callable(getattr(redis.Redis, name, None))
        if hasattr(Redis, name) or hasattr(Ours, name)  # not those that only say what to write
    }


class Caller:
    """Gives the name and the arguments of a call."""

    def __getattr__(self, name: str) -> Callable[..., tuple[str, tuple[Any, ...], dict[str, Any]]]:
        return lambda *args, **kwargs: (name, args, kwargs)


def test_every_shared_method_is_in_the_table() -> None:
    """By name, or in the list of those that are compared elsewhere, with the reason."""
    listed = {row["call"].partition("(")[0] for row in ROWS}
    assert shared_names() - listed == set(ELSEWHERE)
    assert listed <= shared_names()


def ways_of_calling() -> dict[str, tuple[set[str], set[str]]]:
    """For each method of redis-py, the parameters that the table gives by position, and by name."""
    ways: dict[str, tuple[set[str], set[str]]] = {}
    for row in ROWS:
        name, args, kwargs = eval(f"caller.{row['call']}", {"caller": Caller()})
        positional, by_name = ways.setdefault(name, (set(), set()))
        signature = inspect.signature(getattr(redis.Redis, name))
        positional.update(signature.bind_partial(THEIRS, *args).arguments)
        by_name.update(kwargs)
    return ways


def test_every_argument_of_redis_py_is_in_the_table() -> None:
    """Each is given by position, if redis-py takes it so, and by its name."""
    by_position = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL}
    named = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    ways = ways_of_calling()
    missing: dict[str, set[str]] = {}
    for name in shared_names() - set(ELSEWHERE):
        positional, by_name = ways[name]
        _, *parameters = inspect.signature(getattr(redis.Redis, name)).parameters.values()
        missing[name] = {each.name for each in parameters if each.kind in by_position} - positional
        missing[name] |= {each.name for each in parameters if each.kind in named} - by_name
    assert {name: each for name, each in missing.items() if each} == {}


# -- the tables of advice -----------------------------------------------------------------------


def test_advice_is_about_arguments_and_methods_that_exist() -> None:
    """redis-py has each argument with a method of ours in its place, and we have each method."""
    theirs = (redis.Redis, *(each for _, each in REDIS_PY_MODULES))
    here = (Redis, *NAMESPACES.values())
    for (name, argument), ours in METHODS.items():
        methods = [getattr(each, name) for each in theirs if hasattr(each, name)]
        assert any(argument in inspect.signature(each).parameters for each in methods), name
        assert any(callable(getattr(each, ours, None)) for each in here), ours


def test_the_next_argument_is_that_of_redis_py() -> None:
    """The first argument that an extra positional one is said to be, is so for redis-py."""
    names = sorted(shared_names() - set(ELSEWHERE))
    assert [each for each in map(wrong_next_argument, names) if each is not None] == []


def wrong_next_argument(name: str) -> str | None:
    """What is wrong with our advice about an extra positional argument of *name*, if anything."""
    owner = OurScans if name in SCAN_METHODS else Ours
    ours = inspect.signature(getattr(owner, name))
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.POSITIONAL_ONLY)
    taken = [each.name for each in ours.parameters.values() if each.kind in kinds]
    signature = inspect.signature(getattr(redis.Redis, name))
    theirs = [each.name for each in signature.parameters.values() if each.kind in kinds]
    variadic = any(each.kind is each.VAR_POSITIONAL for each in ours.parameters.values())
    variadic = variadic or len(ours.parameters) == 1  # no argument at all: the form says it
    if variadic or len(theirs) <= len(taken) or any("num" in each for each in theirs[:3]):
        return None  # nothing comes next, or the keys' own advice is first
    said = NEXT.get(name) or first_option(ours)
    return None if theirs[len(taken)] == said else f"{name}: {said}, not {theirs[len(taken)]}"


async def test_a_pipeline() -> None:
    """redis-py's *shard_hint* is refused by position and by name; *transaction* is the same."""
    options: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((True, None), {}),
        ((), {"shard_hint": 1}),
    ]
    async with FakeServer().client() as client:
        client.pipeline(True)
        client.pipeline(transaction=False)
        for args, kwargs in options:
            with pytest.raises(
                DataError, match=r"form is pipeline\(transaction=True, \*, raise_on"
            ):
                cast("Any", client.pipeline)(*args, **kwargs)
