"""Tests of `anyredis.methods`: the functions that classes have for their commands."""

from __future__ import annotations

import inspect
import traceback
from typing import Any

import pytest

from anyredis import methods
from anyredis.command import Command
from anyredis.exceptions import DataTypeError
from anyredis.methods import AWAITED, SUBMIT, Body, Place, make_method, make_refusal, parsed_type
from anyredis.wire.encode import Value

PLACE = Place("somewhere", "Owner", "name")


class Owner:
    """Returns each submitted command."""

    def submit(self, command: Command[Any]) -> Command[Any]:
        """Return it."""
        return command


def command_of(*args: Any) -> Command[Any]:
    """A command of *args*."""
    return Command(args, str)


def made(build: Any, body: Body = SUBMIT) -> Any:
    """A function for *build*, whose return annotation becomes that of the parsed reply."""
    return make_method(build, PLACE, body, parsed_type)


def every_kind(
    self: Any, a: Value, /, type: Value, map: Value = 2, *more: Value, c: Value, d: Value = 4
) -> Command[int | None]:
    """Takes parameters of every kind, some with names that the generated function uses."""
    return command_of(a, type, map, *more, c, d)


def test_arguments_reach_the_builder() -> None:
    """Positional, variadic and keyword-only parameters, and defaults."""
    function = made(every_kind)
    assert function(Owner(), 0, 1, c=3).args == (0, 1, 2, 3, 4)
    assert function(Owner(), 0, 1, 7, 8, 9, c=3, d=5).args == (0, 1, 7, 8, 9, 3, 5)
    assert function(Owner(), 0, type=1, map=6, c=3).args == (0, 1, 6, 3, 4)


def test_any_other_names_reach_the_builder() -> None:
    """A builder may take any names of keyword arguments."""

    def build(self: Any, **fields: Value) -> Command[int]:
        return command_of(*fields, *fields.values())

    assert made(build)(Owner(), a=1, b=2).args == ("a", "b", 1, 2)


def test_it_has_the_signature_of_the_builder() -> None:
    """No argument that fits is packed on the way: only the return type differs."""
    function = made(every_kind)
    signature, generated = inspect.signature(every_kind), inspect.signature(function)
    assert generated.parameters == signature.parameters
    assert generated.return_annotation == "int | None"
    code, builder = function.__code__, every_kind.__code__
    for fact in ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount"):
        assert getattr(code, fact) == getattr(builder, fact)
    with pytest.raises(TypeError, match=r"Owner\.name\(\) is missing the argument 'c'"):
        function(Owner(), 0, 1)


def test_its_names_and_documentation() -> None:
    """Its names are those of its place, its docstring and source those of the builder."""
    function = made(every_kind)
    assert (function.__module__, function.__name__) == ("somewhere", "name")
    assert function.__qualname__ == function.__code__.co_qualname == "Owner.name"
    assert function.__doc__ == every_kind.__doc__
    assert inspect.getsource(function) == inspect.getsource(every_kind)


def test_a_list_of_parameters_is_compiled_once() -> None:
    """Functions for builders with the same parameters and checks share their code text."""

    def one(self: Any, some_parameter: str) -> Command[int]:
        return command_of("ONE", some_parameter)

    def other(self: Any, some_parameter: bytes) -> Command[int]:
        return command_of("OTHER", some_parameter)

    before = methods._factory.cache_info().misses
    assert made(one)(Owner(), "a").args == ("ONE", "a")
    assert made(other)(Owner(), b"b").args == ("OTHER", b"b")
    assert methods._factory.cache_info().misses == before + 1


def test_a_traceback_shows_its_lines() -> None:
    """The compiled text is in the cache that Python reads source lines from."""
    function = made(every_kind)
    with pytest.raises(AttributeError) as caught:
        function(object(), 0, 1, c=3)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.name, last.line) == ("name", "return self.submit(_command_)")


def test_a_coroutine_has_its_name() -> None:
    """The coroutine has the name of the function, for the warning about a forgotten await."""

    class Runner:
        async def submit(self, command: Command[Any]) -> None:
            """Do nothing."""

    coroutine = made(every_kind, AWAITED)(Runner(), 0, 1, c=3)
    assert coroutine.__qualname__ == "Owner.name"
    coroutine.close()


def test_a_refusal_comes_after_its_arguments_are_bound() -> None:
    """A function that only refuses has the same parameters."""

    def refuse() -> None:
        raise DataTypeError("no")

    function = make_refusal(every_kind, PLACE, parsed_type, refuse)
    with pytest.raises(DataTypeError, match="no"):
        function(Owner(), 0, 1, c=3)
    with pytest.raises(TypeError, match="missing"):
        function(Owner())


def test_a_converted_command_is_a_new_object() -> None:
    """A builder may return the same value each time: it is not changed."""
    constant = command_of(b"NAME", bytearray(b"a"))

    def build(self: Any) -> Command[Any]:
        return constant

    made_ready = made(build)(Owner())
    assert made_ready.args == (b"NAME", b"a")
    assert type(constant.args[1]) is bytearray
    assert (made_ready.parse, made_ready.binary) == (constant.parse, constant.binary)


def test_a_default_is_not_blamed() -> None:
    """If two arguments are None and one may be, the error names the other."""

    def build(self: Any, one: Any = None, *, other: Any = 0) -> Command[int]:
        return command_of(b"NAME", one or 1, other)

    with pytest.raises(DataTypeError, match="NAME: other is None"):
        made(build)(Owner(), other=None)


@pytest.mark.parametrize(
    ("annotation", "parsed"),
    [
        ("Command[S | None]", "S | None"),
        ("Command[dict[str, list[int]]]", "dict[str, list[int]]"),
        ("anyredis.Command[int]", "int"),
        ("SomethingElse", "SomethingElse"),
        (Command[int], int),
        (Command[list[str]], list[str]),
        (int, int),
    ],
)
def test_the_type_of_a_reply_is_read_off_the_annotation(annotation: object, parsed: object) -> None:
    """From annotations as text, which most are, and from types."""
    assert parsed_type(annotation) == parsed
