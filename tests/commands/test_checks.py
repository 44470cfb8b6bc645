"""Every command method refuses values that its annotations exclude: read from the signatures."""

from __future__ import annotations

import datetime
import inspect
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from operator import attrgetter
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from anyredis import Blueprint, Command, DataError, DataTypeError, DataValueError
from anyredis.client.module_namespaces import ModuleNamespaces
from anyredis.command import Definition
from anyredis.commands import checks
from anyredis.commands.checks import KINDS, Count, atoms
from anyredis.commands.client_filter import ClientFilter
from anyredis.commands.core import CoreCommands
from anyredis.commands.group import SupportsItems
from anyredis.commands.hash_import import HashImport
from anyredis.commands.modules.json_paths import JsonPath
from anyredis.commands.modules.search_params import CarriesParameters
from anyredis.commands.session import SessionCommands
from anyredis.commands.sorted_sets import Scores
from anyredis.replies import TextReaders
from anyredis.search import Combine, Highlight, SortOrder, Step, Summarize, VectorQuery
from anyredis.testing import FakeServer
from anyredis.wire.encode import Key, Value
from tests.commands.modules import plans


class Every(
    Blueprint, CoreCommands[str], SessionCommands[str], HashImport[str], ModuleNamespaces[str]
):
    """All commands there are, as values."""

    read = TextReaders(str)


text = Every()

Refused = tuple[str, str, Any]

NAN, INF = math.nan, math.inf
FLAGS: list[Any] = ["no", "0", "", 0, 1, b"no", 1.0, NAN, [], INF]
WHOLE: list[Any] = [1.5, 1.0, True, False, NAN, INF, -INF, "1", b"1", "1.5", [1]]
WRONG: dict[frozenset[object], list[Any]] = {
    frozenset({bool}): FLAGS,
    frozenset({int}): [*WHOLE, datetime.timedelta(seconds=1)],
    frozenset({Count}): [*WHOLE, -1],
    frozenset({int, datetime.timedelta}): [*WHOLE, datetime.datetime.now(tz=datetime.UTC)],
    frozenset({int, datetime.datetime}): [*WHOLE, datetime.timedelta(seconds=1)],
    frozenset({int, datetime.timedelta, datetime.datetime}): WHOLE,
    frozenset({bytes, bytearray, memoryview, str, int}): [1.5, 1.0, NAN, True, False, ["1-0"]],
    frozenset({float}): [NAN, -NAN, True, "1", "nan", b"1", [1.0]],
    frozenset({float, str}): [NAN, True, "nan", "(nan", "-NaN", [1.0]],
    frozenset({float, str, bytes}): [NAN, True, "nan", [1.0]],
}
"""Values that each kind refuses."""

TIMEOUTS: list[Any] = [NAN, INF, -INF, -1, -0.5, True, "1", [1]]

UNCHECKED = [
    atoms(each)
    for each in (Key, Value, Key | None, Value | None, SupportsItems, SupportsItems | None, str)
] + [atoms(each) for each in (JsonPath, JsonPath | None)]
"""Texts, values and mappings of them: what is sent is what was given."""

CHECKED_BY_THEMSELVES: set[object] = {
    *(CarriesParameters, Combine, Command, Highlight, SortOrder, Step, Summarize, VectorQuery),
    *(Callable, type),
}
"""Values that are checked when they are made; the builder of the command checks that they are some."""

BY_BUILDERS = {Literal, Collection, Mapping, Sequence, tuple}
"""Choices and collections: the builder of the command checks them."""


def definitions() -> dict[str, Definition]:
    """All command methods, by name."""
    found: dict[str, Definition] = {}
    for cls in Every.__mro__:
        found |= {name: each for name, each in vars(cls).items() if isinstance(each, Definition)}
    return found | plans.DEFINITIONS


DEFINITIONS = definitions()


def parameters(name: str) -> Iterator[tuple[inspect.Parameter, object]]:
    """The parameters of the method *name*, with their resolved annotations."""
    build = DEFINITIONS[name].__wrapped__
    hints = get_type_hints(build, include_extras=True)
    for parameter in list(inspect.signature(build).parameters.values())[1:]:
        yield parameter, hints[parameter.name]


def usual(name: str, parameter: inspect.Parameter, annotation: object) -> object:
    """A value that *parameter* takes."""
    types = atoms(annotation) - {NoneType}
    literal = next((each for each in types if get_origin(each) is Literal), None)
    if literal is not None:
        return get_args(literal)[0]
    if types & {int, Count} and float not in types:
        return 7
    if types & {float}:
        return 7
    if bool in types:
        return False
    if annotation in {Scores, SupportsItems}:
        return {"a": 1}
    return b"value"


def call(name: str, **given: object) -> Command[Any]:
    """The method called with usual values for what it needs, and with *given*."""
    positional: list[object] = []
    keywords: dict[str, object] = {}
    for parameter, annotation in parameters(name):
        several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        if several:
            positional.append(given.pop(parameter.name, usual(name, parameter, annotation)))
        elif parameter.name in given:
            value = given.pop(parameter.name)
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                keywords[parameter.name] = value
            else:
                positional.append(value)
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            if parameter.default is inspect.Parameter.empty:
                keywords[parameter.name] = usual(name, parameter, annotation)
        elif parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            default = parameter.default
            empty = default is inspect.Parameter.empty
            positional.append(usual(name, parameter, annotation) if empty else default)
    method: Callable[..., Command[Any]] = attrgetter(name)(text)
    return method(*positional, **keywords)


def refused() -> Iterator[Refused]:
    """Each method and parameter with each value that it has to refuse."""
    for name in DEFINITIONS:
        for parameter, annotation in parameters(name):
            types = atoms(annotation)
            wrong = WRONG.get(types - {NoneType}, [])
            if parameter.name == "timeout" and float in types:
                wrong = TIMEOUTS
            for value in wrong:
                yield name, parameter.name, value
            if wrong and NoneType not in types:
                yield name, parameter.name, None
            for literal in types:
                if get_origin(literal) is Literal:
                    yield from ((name, parameter.name, each) for each in ("NEITHER", 1, True))


REFUSED = list(refused())


def test_there_are_enough() -> None:
    """The signatures were found: hundreds of numbers, flags and choices."""
    assert len({case[:2] for case in REFUSED}) > 200
    assert len({name for name, _, _ in REFUSED}) > 100


@pytest.mark.parametrize("name", sorted({case[0] for case in REFUSED}))
def test_wrong_values(name: str) -> None:
    """A value that an annotation excludes is refused, naming the parameter and the value."""
    accepted: list[tuple[str, object, str | None]] = []
    for method, parameter, value in REFUSED:
        if method != name:
            continue
        told = refusal_of(name, parameter, value)
        if told is None or parameter not in told or ": give " not in told:
            accepted.append((parameter, value, told))
    assert accepted == []


def refusal_of(name: str, parameter: str, value: object) -> str | None:
    """The message with which the method *name* refuses *value*; None if it takes it."""
    try:
        call(name, **{parameter: value})
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_every_parameter_has_a_kind(name: str) -> None:
    """A parameter of a new kind gets a check, or a place in the list of those without one."""
    unknown: list[str] = []
    for parameter, annotation in parameters(name):
        types = atoms(annotation)
        parts = {get_origin(each) for each in types}
        if types - {NoneType} in KINDS or types in UNCHECKED or parts & BY_BUILDERS:
            continue
        if (types | parts) & CHECKED_BY_THEMSELVES or parameter.kind is parameter.VAR_KEYWORD:
            continue
        unknown.append(f"{parameter.name}: {annotation}")
    by_hand = {"conditions", "max", "min", "offset", "operations", "port", "ranges", "to", "value"}
    by_hand |= {"timestamp", "from_time", "to_time", "align"}  # of time series
    by_hand |= {"triplets", "type", "values"} if name.startswith("json.") else set()
    assert [each for each in unknown if each.partition(":")[0] not in by_hand] == []


def test_kinds_have_values_to_refuse() -> None:
    """Each kind has its wrong values here."""
    assert WRONG.keys() == KINDS.keys()


CONDITIONS = [
    (name, value)
    for name, annotation in get_type_hints(ClientFilter).items()
    for value in WRONG.get(atoms(annotation) - {NoneType}, [])
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *CONDITIONS,
        *(("id", each) for each in (1.5, True, NAN, [1.5], [True], [])),
        *(("type", each) for each in ("any", 1, True)),
        ("user", True),
    ],
)
def test_conditions_on_clients(name: str, value: object) -> None:
    """`skipme="no"` does not mean yes: conditions are checked by their annotations too."""
    for method in ("client_kill_filter", "client_list"):
        with pytest.raises(DataError, match=name):
            getattr(text, method)(**{name: value})


def test_what_fits() -> None:
    """Whole numbers of a subclass, durations and moments are sent as the server reads them."""

    class Size(IntEnum):
        SMALL = 3

    assert text.lrange("k", Size.SMALL, 4).args == (b"LRANGE", "k", 3, 4)
    assert text.expire("k", datetime.timedelta(minutes=1)).args == (b"EXPIRE", "k", 60)
    assert text.set("k", "v", px=datetime.timedelta(seconds=1.5)).args[-2:] == (b"PX", 1500)
    moment = datetime.datetime(2030, 1, 1, 0, 0, 0, 900_000, tzinfo=datetime.UTC)
    assert text.expireat("k", moment).args == (b"EXPIREAT", "k", 1893456000)
    assert text.pexpireat("k", moment).args == (b"PEXPIREAT", "k", 1893456000900)
    assert text.zincrby("k", INF, "m").args == (b"ZINCRBY", "k", INF, "m")
    assert text.blpop("k", timeout=0.5).args[-1] == 0.5
    infinite: Any = "+inf"
    assert text.zadd("k", {"m": infinite}).args[-2:] == ("+inf", "m")


@pytest.mark.parametrize(
    ("value", "kind"), [(1.5, DataTypeError), (NAN, DataValueError), (INF, DataValueError)]
)
def test_a_fraction_as_a_duration(value: Any, kind: type[DataError]) -> None:
    """The message names command, argument and value, and says what to write."""
    with pytest.raises(kind, match=rf"^EXPIRE: time is {value} \(float\): give a whole number"):
        text.expire("k", value)
    with pytest.raises(kind, match=rf"^SET: ex is {value} \(float\): .* use milliseconds"):
        text.set("k", "v", ex=value)


def test_frames_of_a_refusal() -> None:
    """G15: beside the method that was called, no frame of ours that holds arguments is shown."""
    port: Any = "6379"
    with pytest.raises(DataTypeError, match=r"^MIGRATE: port is '6379'") as refused:
        text.migrate("h", port, "k", destination_db=0, timeout=1, auth="hunter2")
    names = [each.name for each in refused.traceback]
    assert names == ["test_frames_of_a_refusal", "migrate"]
    assert "hunter2" not in str(refused.value)


def test_a_duration_with_a_fraction_of_its_unit() -> None:
    """A `timedelta` is never rounded."""
    with pytest.raises(DataValueError, match="not a whole number of seconds; give milliseconds"):
        text.expire("k", datetime.timedelta(seconds=1.5))


def test_scores_of_a_mapping() -> None:
    """A NaN or a bool is no score and no weight."""
    bad: Any
    for bad in (NAN, "nan", True):
        with pytest.raises(DataError, match=r"ZADD: mapping\['b'\] is "):
            text.zadd("k", {"a": 1, "b": bad})
    with pytest.raises(DataValueError, match=r"ZUNION: weights\[1\] is nan"):
        text.zunion(["a", "b"], weights=[1, NAN])
    with pytest.raises(DataValueError, match=r"ZUNION: keys\['b'\] is nan"):
        text.zunion({"a": 1, "b": NAN})


@pytest.mark.parametrize("bound", [1.5, NAN, True, "1.5", "(1", "-", b"[a"])
def test_ranks_are_whole(bound: Any) -> None:
    """Without *byscore* and *bylex* the bounds of a range are ranks."""
    for call_range in (
        lambda: text.zrange("k", bound, 5),
        lambda: text.zrange_with_scores("k", 0, bound),
        lambda: text.zrangestore("d", "k", 0, bound),
    ):
        with pytest.raises(DataError, match=r"is .*: give a"):
            call_range()


def test_annotations_that_only_a_checker_knows() -> None:
    """A parameter whose annotation has no value at run time is not checked; the others are."""

    def build(self: object, a: int, b: int) -> None:
        """A builder whose annotation of `a` is of another kind."""
        del self, a, b

    build.__annotations__["a"] = "OnlyForCheckers"
    found = checks.checks_of(build, inspect.signature(build))
    assert [each.name for each in found] == ["b"]


async def test_nothing_of_a_transaction_is_sent() -> None:
    """G11: a fraction is refused when it is queued, not half way through the transaction."""
    server = FakeServer()
    fraction: Any = 1.5
    async with server.client() as client:
        pipe = client.pipeline()
        pipe.set("k", 1)
        with pytest.raises(DataTypeError):
            pipe.expire("k", fraction)
    assert server.count("SET") == server.count("EXPIRE") == 0
