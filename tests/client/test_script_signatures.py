"""Signatures of typed scripts: parameters to KEYS and ARGV, and those that no script can have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest

from anyredis import DataError, DataTypeError, Key, Value
from anyredis.client.script_signatures import CallSignature


async def plain(client: Any, key: Key, amount: int, name: str = "x", *, rate: float = 1.5) -> int:
    """One key, some arguments, defaults."""
    raise NotImplementedError


async def mixed(client: Any, first: Key, amount: int, /, second: Key, *more: Value) -> int:
    """Keys and arguments in turn."""
    raise NotImplementedError


async def several(client: Any, keys: Sequence[Key], scores: list[int], flag: Key = "f") -> int:
    """Collections."""
    raise NotImplementedError


async def many(client: Any, names: tuple[str, ...], *keys: Key) -> int:
    """Any number of keys."""
    raise NotImplementedError


async def texts(client: Any, texts: Collection[str | bytes]) -> None:
    """Arguments only."""
    raise NotImplementedError


Call = tuple[tuple[Any, ...], dict[str, Any]]


def call(*args: Any, **kwargs: Any) -> Call:
    """The arguments of one call."""
    return args, kwargs


WORDS: list[tuple[Callable[..., Any], Call, tuple[Any, ...], tuple[Any, ...]]] = [
    (plain, call("k", 1), ("k",), (1, "x", 1.5)),
    (plain, call(b"k", 1, "y", rate=2), (b"k",), (1, "y", 2)),
    (plain, call(amount=1, key="k"), ("k",), (1, "x", 1.5)),
    (mixed, call("a", 1, "b"), ("a", "b"), (1,)),
    (mixed, call("a", 1, "b", "x", 2), ("a", "b"), (1, "x", 2)),
    (many, call(("x", "y"), "a", "b"), ("a", "b"), ("x", "y")),
    (many, call(()), (), ()),
    (texts, call(["x", b"y"]), (), ("x", b"y")),
    (texts, call([]), (), ()),
]


@pytest.mark.parametrize(("function", "given", "keys", "args"), WORDS)
def test_words(
    function: Callable[..., Any], given: Call, keys: tuple[Any, ...], args: tuple[Any, ...]
) -> None:
    """Parameters annotated with `Key` are keys, all others arguments, in their order."""
    assert CallSignature(function, 1).words(*given) == (keys, args)


WRONG: list[tuple[Callable[..., Any], Call, str]] = [
    (plain, call("k"), "plain(): missing a required argument: 'amount'; its form is (client, key"),
    (plain, call("k", 1, 2, 3), "too many positional arguments"),
    (plain, call("k", 1, amount=1), "multiple values for argument 'amount'"),
    (plain, call("k", 1, other=1), "unexpected keyword argument 'other'"),
    (plain, call("k", 1.5), "plain(): amount is 1.5 (float): give a whole number"),
    (plain, call("k", True), "plain(): amount is True (bool)"),
    (plain, call("k", 1, rate="x"), "rate is 'x' (str): give a number"),
    (plain, call(7, 1), "numbers are no keys"),
    (plain, call(["k"], 1), "one flat list"),
    (many, call([1], 5), "numbers are no keys"),
    (texts, call(iter("x")), "read only once"),
    (texts, call({"x": 1}), "a mapping"),
]


@pytest.mark.parametrize(("function", "given", "message"), WRONG)
def test_calls_that_do_not_fit(function: Callable[..., Any], given: Call, message: str) -> None:
    """They are refused before anything is sent, in words that name the parameter."""
    with pytest.raises(DataError) as refused:
        CallSignature(function, 1).words(*given)
    assert message in str(refused.value)


# -- signatures that are refused ----------------------------------------------------------------


def not_async(client: Any, key: Key) -> int:
    """No coroutine function."""
    raise NotImplementedError


async def no_client() -> int:
    """Without a client."""
    raise NotImplementedError


async def client_by_name(*, client: Any) -> int:
    """A client that is no first argument."""
    raise NotImplementedError


async def any_options(client: Any, **options: int) -> int:
    """Options without an order."""
    raise NotImplementedError


async def a_flag(client: Any, flag: bool) -> int:
    """A bool."""
    raise NotImplementedError


async def maybe(client: Any, amount: int | None = None) -> int:
    """A null."""
    raise NotImplementedError


async def a_mapping(client: Any, mapping: Mapping[str, int]) -> int:
    """A mapping."""
    raise NotImplementedError


async def returns_a_set(client: Any) -> set[int]:
    """A reply that no server gives."""
    raise NotImplementedError


async def two_lists(client: Any, first: Sequence[int], second: Sequence[int]) -> int:
    """Two collections of one kind."""
    raise NotImplementedError


async def key_after_keys(client: Any, keys: list[Key], last: Key) -> int:
    """A key that the script cannot find."""
    raise NotImplementedError


async def unknown(client: Any, key: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]
    """An annotation without a meaning."""
    raise NotImplementedError


async def without(client: Any, key) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001  # pyright: ignore[reportUnknownParameterType, reportMissingParameterType]
    """No annotation."""
    raise NotImplementedError


async def no_return(client: Any, key: Key):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """No type of the reply."""
    raise NotImplementedError


REFUSED: list[tuple[Callable[..., Any], str]] = [
    (not_async, "not_async() has to be an `async def`"),
    (no_client, "no_client() has to take the client first: (client, ...)"),
    (client_by_name, "has to take the client first"),
    (any_options, "any_options(): **options has no order"),
    (a_flag, "a_flag(): flag is annotated with bool: annotate keys with anyredis.Key"),
    (maybe, "(a server has no null: give it a default)"),
    (a_mapping, "mapping is annotated with"),
    (returns_a_set, "returns_a_set() returns set[int]: give int, float"),
    (two_lists, "the script cannot find second after it in ARGV: declare first last"),
    (key_after_keys, "the script cannot find last after it in KEYS: declare keys last"),
    (several, "cannot find flag after it in KEYS"),
    (unknown, "unknown(): its annotations are read when it is decorated, and name 'Nowhere'"),
    (without, "without(): key has no annotation"),
    (no_return, "no_return() has no return annotation"),
]


@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_signatures_that_are_refused(function: Callable[..., Any], message: str) -> None:
    """What no script could tell apart, or no server could send, is refused at once."""
    with pytest.raises(DataTypeError) as refused:
        CallSignature(function, 1)
    assert message in str(refused.value)


async def method(self: Any) -> int:
    """A method without a client."""
    raise NotImplementedError


def test_methods() -> None:
    """A method of a library takes itself and the client first."""
    with pytest.raises(DataTypeError, match=r"has to take the client first: \(self, client"):
        CallSignature(method, 2)
