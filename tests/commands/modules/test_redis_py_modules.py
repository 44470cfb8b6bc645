"""Each method of redis-py 8.1 for modules: its calls send redis-py's words, or are refused.

`redis_py_calls.txt` in this folder lists the calls as that of `tests.commands.test_redis_py` does.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from inspect import Parameter
from pathlib import Path
from typing import Any, Final, cast

import hiredis
import pytest

from anyredis import Redis
from anyredis.command import Command
from anyredis.exceptions import DataError
from anyredis.wire.encode import encode, encoder
from tests.command_pages.collect_peers import REDIS_PY_MODULES
from tests.commands.modules.plans import NAMESPACES, TextPlan
from tests.commands.test_redis_py import THEIRS, SentError, words
from tests.fuzz.grammar import same_meaning

OURS: Final = TextPlan()

LINE: Final = re.compile(
    r"(?P<namespace>\w+)\.(?P<name>\w+)(?P<args>\(.*?\))(?:  (?P<sign>=>|->) (?P<text>.*))?"
)

ROWS: Final = [
    match
    for line in Path(__file__).with_name("redis_py_calls.txt").read_text().splitlines()
    if line and not line.startswith("#")
    for match in [LINE.fullmatch(line)]
    if match is not None or pytest.fail(f"not a row: {line}")
]

CLASSES: Final = {prefix.removesuffix("()."): each for prefix, each in REDIS_PY_MODULES}
"""redis-py's class for each namespace."""

ELSEWHERE: Final[dict[str, str]] = {}
"""Methods of redis-py that the table cannot have, each with the reason."""


INDEX_AT: Final = {
    **dict.fromkeys(("aliasadd", "aliasupdate"), 1),
    **dict.fromkeys(("aliasdel", "config_get", "config_set"), None),
    **dict.fromkeys(("sugadd", "sugdel", "sugget", "suglen"), None),
}
"""The position of the index in a method of `client.ft`, if it is not the first argument.

redis-py has it in `client.ft("index")`.
"""


class Caller:
    """Gives the arguments of a call."""

    def __getattr__(self, name: str) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
        return lambda *args, **kwargs: (args, kwargs)


def their_call(
    row: re.Match[str],
) -> tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any]]:
    """The arguments of redis-py's namespace and of its method, for the call of *row*."""
    args, kwargs = eval(f"caller.{row['name']}{row['args']}", {"caller": Caller()})
    place = INDEX_AT.get(row["name"], 0) if row["namespace"] == "ft" else None
    if place is None:
        return (), args, kwargs
    if "index" in kwargs:
        return (kwargs.pop("index"),), args, kwargs
    return (args[place],), (*args[:place], *args[place + 1 :]), kwargs


def their_words(row: re.Match[str]) -> list[bytes]:
    """The words that redis-py sends for the call of *row*."""
    index, args, kwargs = their_call(row)
    method = getattr(getattr(THEIRS, row["namespace"])(*index), row["name"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of commands, for newer servers
            method(*args, **kwargs)
    except SentError as sent:
        return words(sent.words)
    raise AssertionError(row[0])


def our_words(row: re.Match[str]) -> list[bytes]:
    """The words that we send for it."""
    command: Command[Any] = eval(
        f"client.{row['namespace']}.{row['name']}{row['args']}", {"client": OURS}
    )
    reader = hiredis.Reader()
    reader.feed(encode(encoder(), command.args))
    return cast("list[bytes]", reader.gets())


def of_kind(sign: str | None) -> list[Any]:
    """The rows with that sign, as a test's arguments."""
    return [pytest.param(row, id=row[0]) for row in ROWS if row["sign"] == sign]


@pytest.mark.parametrize("row", of_kind(None))
def test_the_same_words(row: re.Match[str]) -> None:
    """The command is the same, word for word; only options may come in another order."""
    assert same_meaning(our_words(row), their_words(row))


def test_other_words_of_the_same_meaning() -> None:
    """The words are those in the table, and not those of redis-py."""
    for row in (each for each in ROWS if each["sign"] == "=>"):
        assert our_words(row) == row["text"].encode().split(), row[0]
        assert their_words(row) != our_words(row), row[0]


@pytest.mark.parametrize("row", of_kind("->"))
def test_a_refusal(row: re.Match[str]) -> None:
    """It is an error about the call, before anything is sent, and names what to write."""
    with pytest.raises(DataError) as refused:
        our_words(row)
    assert row["text"] in str(refused.value)


def shared() -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """The methods of redis-py for the namespaces that we have, which we have too."""
    for namespace in NAMESPACES:
        ours = getattr(Redis, namespace)
        for name, method in inspect.getmembers(CLASSES[namespace], inspect.isfunction):
            if not name.startswith("_") and hasattr(ours, name):
                yield namespace, name, method


def test_every_method_and_argument_is_in_the_table() -> None:
    """Each argument is given by position, if redis-py takes it so, and by its name."""
    by_position = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_POSITIONAL}
    named = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    missing: list[str] = []
    for namespace, name, method in shared():
        if f"{namespace}.{name}" in ELSEWHERE:
            continue
        positional, by_name = set[str](), set[str]()
        for row in ROWS:
            if (row["namespace"], row["name"]) == (namespace, name):
                _, args, kwargs = their_call(row)
                positional |= inspect.signature(method).bind_partial(None, *args).arguments.keys()
                by_name |= kwargs.keys()
        _, *parameters = inspect.signature(method).parameters.values()
        for each in parameters:
            if each.kind in by_position and each.name not in positional:
                missing.append(f"{namespace}.{name}: {each.name} by position")
            if each.kind in named and each.name not in by_name:
                missing.append(f"{namespace}.{name}: {each.name} by name")
    assert missing == []


def test_a_namespace_is_not_called() -> None:
    """redis-py's `client.cms()` is refused, with what to write."""
    for namespace in NAMESPACES:
        with pytest.raises(DataError, match=r"write client\.json\.get\(key\), without \(\)"):
            getattr(OURS, namespace)("index")
