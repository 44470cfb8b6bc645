"""Strategies for the arguments of every command method, by the annotations of its parameters.

Law: an annotation says what may be given, and all that it says is given: text, bytes, numbers,
durations, one value or a collection.  `OWN` has the parameters whose text follows a rule that no
annotation tells; `FORMS` the options of which some are needed, or only make sense together.
"""

from __future__ import annotations

import datetime
import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from types import NoneType
from typing import (
    Any,
    Final,
    Literal,
    NamedTuple,
    TypeAlias,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from hypothesis import strategies as st

from anyredis.command import Blueprint, Definition
from anyredis.commands.bitmaps import BitField
from anyredis.commands.checks import Count, atoms
from anyredis.commands.core import CoreCommands
from anyredis.commands.group import SupportsItems
from anyredis.commands.hash_import import HashImport
from anyredis.commands.session import SessionCommands
from anyredis.commands.vectors import SupportsToList
from anyredis.replies import TextReaders

Strategy: TypeAlias = st.SearchStrategy[Any]

Draw: TypeAlias = Callable[[Strategy], Any]


class AsValues(Blueprint, CoreCommands[str], SessionCommands[str], HashImport[str]):
    """All commands, as values."""

    read = TextReaders(str)


def definitions() -> dict[str, Definition]:
    """Every command method by its name."""
    return {
        name: value
        for cls in reversed(AsValues.__mro__)
        for name, value in vars(cls).items()
        if isinstance(value, Definition)
    }


DEFINITIONS: Final = definitions()

# -- values -------------------------------------------------------------------------------------

ODD_NAMES = (
    "",
    "k",
    "NX",
    "GET",
    "WITHSCORES",
    "LIMIT",
    "COUNT",
    "FIELDS",
    "STORE",
    "*",
    "-1",
    "é",
)
"""Names that are words of the commands themselves, or look like other values."""


def _view(value: bytes) -> memoryview:
    return memoryview(value)


NAMES: Strategy = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.binary(max_size=4).map(bytearray),
    st.binary(max_size=4).map(_view),
)
WHOLE: Strategy = st.one_of(
    st.integers(0, 20), st.integers(0, 20), st.integers(-(2**63), 2**63 - 1)
)
NUMBERS: Strategy = st.one_of(WHOLE, st.floats(-100, 100), st.floats())
DURATIONS: Strategy = st.integers(1, 10**6).map(lambda n: datetime.timedelta(milliseconds=n * 500))
ZONES: Strategy = st.sampled_from([datetime.UTC, None])
MOMENTS: Strategy = st.datetimes(
    datetime.datetime(2001, 1, 1),  # noqa: DTZ001 - the zone is drawn too
    datetime.datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)
IDS: Strategy = st.one_of(
    st.sampled_from(["0", "0-0", "1-1", b"5-7", "1526919030474-55", "-", "+", "$", ">", "(1-1"]),
    st.integers(0, 2**40),
)
SCORES: Strategy = st.one_of(st.sampled_from(["-inf", "+inf", "(1", "(1.5", "2", b"(3"]), NUMBERS)
LEX: Strategy = st.sampled_from(["-", "+", "[a", "(b", b"[\xff", b"(", "[NX"])
VECTORS: Strategy = st.one_of(
    st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=3), st.just(b"\0\0\x80?")
)
SLOTS: Strategy = st.integers(0, 16383)
SPANS: Strategy = st.tuples(SLOTS, SLOTS).map(lambda both: (min(both), max(both)))
DIGESTS: Strategy = st.sampled_from(["0123456789abcdef", "00000000000000ff"])
OFFSETS: Strategy = st.one_of(st.integers(0, 999), st.sampled_from(["#0", "#3"]))
WIDTHS: Strategy = st.sampled_from(["u8", "i5", "u63", "i64"])


@st.composite
def bitfields(draw: Draw) -> BitField:
    """Some operations on the integers of a string."""
    field = BitField()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(WIDTHS), draw(OFFSETS)
        overflow = draw(st.sampled_from(["WRAP", "SAT", "FAIL"]))
        match draw(st.integers(0, 2)):
            case 0:
                field = field.get(*place)
            case 1:
                field = field.set(*place, draw(st.integers(-9, 9)), overflow=overflow)
            case _:
                field = field.incrby(*place, draw(st.integers(-9, 9)), overflow=overflow)
    return field


CLIENTS: Final = ("client_list", "client_kill_filter")

OWN: Final[dict[str, Strategy]] = {
    **dict.fromkeys(("ifdeq", "ifdne"), DIGESTS),
    **dict.fromkeys(("longitude", "latitude"), st.floats(-80, 80)),
    **dict.fromkeys(("slot", "cluster_slot_stats.start", "cluster_slot_stats.end"), SLOTS),
    **dict.fromkeys(("slots",), st.lists(SLOTS, min_size=1, max_size=3, unique=True)),
    **dict.fromkeys(("encoding",), WIDTHS),
    **dict.fromkeys(("zrange.start", "zrange.end"), st.one_of(WHOLE, SCORES, LEX)),
    **dict.fromkeys(("zrangestore.start", "zrangestore.end"), st.one_of(WHOLE, SCORES, LEX)),
    "ranges": SPANS,
    "ardelrange.ranges": st.tuples(st.integers(0, 99), st.integers(0, 99)),
    "cluster_migrateslots.migrations": st.dictionaries(
        st.text("0123456789abcdef", min_size=40, max_size=40),
        st.lists(SPANS, min_size=1, max_size=2),
        min_size=1,
        max_size=2,
    ),
    "geoadd.values": st.lists(
        st.tuples(st.floats(-180, 180), st.floats(-85, 85), NAMES), min_size=1, max_size=3
    ),
    "armset.mapping": st.dictionaries(st.integers(0, 99), NAMES, min_size=1, max_size=3),
    "migrate.host": st.sampled_from(["localhost", "10.0.0.1"]),
    "module_loadex.config": st.dictionaries(st.sampled_from(["m.a", "m.b"]), NAMES, max_size=2),
    "numkeys": st.integers(0, 2),
    "polygon": st.lists(
        st.tuples(st.floats(-80, 80), st.floats(-80, 80)), min_size=3, max_size=4
    ),
    "replicaof.port": st.integers(1, 65535),
    "streams": st.dictionaries(
        NAMES.filter(lambda each: not isinstance(each, (bytearray, memoryview))), IDS, min_size=1, max_size=3
    ),
    "xreadgroup_claim.streams": st.dictionaries(st.text(), st.just(">"), min_size=1, max_size=3),
    "bit": st.integers(0, 1),
    "weights": st.lists(st.floats(-9, 9), min_size=1, max_size=3),
    **dict.fromkeys(
        (f"{method}.{name}" for method in CLIENTS for name in ("id", "not_id")),
        st.one_of(st.integers(1, 99), st.just("7"), st.lists(st.integers(1, 99), min_size=1)),
    ),
    "acl_setuser.categories": st.lists(st.sampled_from(["+@read", "-@write"]), max_size=2),
    "acl_setuser.commands": st.lists(st.sampled_from(["+get", "-set|x"]), max_size=2),
    "acl_setuser.passwords": st.lists(st.sampled_from(["+s3cret", "-old"]), max_size=2),
    "acl_setuser.hashed_passwords": st.lists(st.sampled_from(["+" + "ab" * 32]), max_size=2),
    "acl_setuser.selectors": st.lists(
        st.tuples(st.sampled_from(["+get", "+@read"]), st.sampled_from(["~x", "%R~x"])), max_size=2
    ),
    "config_set.more": st.sampled_from(["maxmemory", "100mb"]),
}  # fmt: skip
"""Strategies of parameters whose text follows a rule of its own, by `parameter` or `method.parameter`."""


def hashable(strategy: Strategy) -> Strategy:
    """The values that a dictionary may have as keys."""
    return strategy.filter(lambda each: not isinstance(each, (bytearray, memoryview)))


TEXT: Final = frozenset({bytes, bytearray, memoryview, str})

UNIONS: Final[dict[frozenset[object], Strategy]] = {
    frozenset({float, str}): SCORES,
    frozenset({float, str, bytes}): SCORES,
    frozenset({bytes, str}): LEX,
    frozenset({int, str}): OFFSETS,
    frozenset({str}): st.sampled_from(ODD_NAMES),
    frozenset({BitField}): bitfields(),
    TEXT: NAMES,
    TEXT | {int}: IDS,
    TEXT | {int, float}: st.one_of(NAMES, NUMBERS),
}
"""The values of unions that have a meaning of their own."""

TYPES: Final[dict[object, Strategy]] = {
    **dict.fromkeys((bytes, bytearray, memoryview), st.binary(max_size=4)),
    str: st.sampled_from(ODD_NAMES),
    bool: st.booleans(),
    int: WHOLE,
    Count: WHOLE,
    float: NUMBERS,
    datetime.timedelta: DURATIONS,
    datetime.datetime: MOMENTS,
    SupportsItems: st.dictionaries(hashable(NAMES), NAMES, max_size=3),
}
"""The values of single types."""


def values_of(kinds: frozenset[object]) -> Strategy:
    """All values of a union of types."""
    kinds -= {NoneType}
    if SupportsToList in kinds:
        return VECTORS | (NAMES.filter(_is_text) if str in kinds else VECTORS)
    plain = frozenset(kinds & {*TYPES, BitField})
    found = [of_generic(each) for each in kinds - plain]
    if plain in UNIONS:
        found.append(UNIONS[plain])
    else:
        found += [TYPES[each] for each in plain]
    return st.one_of(found)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def of_generic(kind: object) -> Strategy:
    """All values of a literal, a tuple, a collection or a mapping."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from([*args])
    if origin is tuple:
        return st.tuples(*(values_of(atoms(each)) for each in args))
    if origin is Mapping:
        names, values = (values_of(atoms(each)) for each in args)
        return st.dictionaries(hashable(names), values, max_size=3)
    if origin in {Sequence, Collection}:
        values = values_of(atoms(args[0]))
        lists = st.lists(values, max_size=3)
        return lists if origin is Sequence else st.one_of(lists, lists.map(tuple))
    raise NotImplementedError(kind)


# -- calls --------------------------------------------------------------------------------------

PLACE_FORMS: Final = (
    ("member", "radius"),
    ("longitude", "latitude", "radius"),
    ("member", "width", "height"),
    ("polygon",),
)

FORMS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    **dict.fromkeys(("geosearch", "geosearch_places", "geosearchstore"), PLACE_FORMS),
    **dict.fromkeys(("hset", "hsetex"), (("field", "value"), ("mapping",))),
    **dict.fromkeys(("zmpop", "bzmpop"), (("min",), ("max",))),
    **dict.fromkeys(("xtrim",), (("maxlen",), ("minid",))),
    "cluster_setslot": (("importing",), ("migrating",), ("node",), ("stable",)),
    "xcfgset": (("idmp_duration",), ("idmp_maxsize",)),
    "cluster_slot_stats": (("start", "end"), ("orderby",)),
    "config_set": (("more",), ()),
}
"""The options of which one group is given in every call."""

WITH: Final[dict[str, tuple[str, ...]]] = {
    "username": ("auth",),
    "limit": ("maxlen",),
    "offset": ("num", "byscore"),
    "num": ("offset", "start", "byscore"),
    "start": ("num", "end"),
    "end": ("start",),
    "mode": ("start", "end", "count"),
    "ordering": ("count", "mode"),
    "prefix": ("bcast",),
    "any": ("count",),
    "timeout": ("to",),
    "force": ("to", "timeout", "retrycount"),
    "enx": ("ex",),
}
"""Options that make sense only with others: those that the method has are given too."""


class Call(NamedTuple):
    """A call of a command method."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def arguments(self) -> dict[str, Any]:
        """Every parameter with its value, defaults among them."""
        signature = signature_of(self.method)
        bound = signature.bind(*self.args, **self.kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)


@functools.cache
def signature_of(method: str) -> inspect.Signature:
    """The parameters of a method, without *self*, their annotations resolved."""
    build = DEFINITIONS[method].__wrapped__
    signature = inspect.signature(build)
    _, *parameters = signature.parameters.values()
    hints = {
        each.name: eval(str(each.annotation), dict(getattr(build, "__globals__", {})))
        for each in parameters
    }
    return inspect.Signature([each.replace(annotation=hints[each.name]) for each in parameters])


def options_of(method: str) -> list[str]:
    """The parameters that may be left out; `**conditions` counts as its keys."""
    found: list[str] = []
    for each in signature_of(method).parameters.values():
        if each.kind is each.VAR_KEYWORD:
            found += conditions(each.annotation)
        elif each.kind is each.VAR_POSITIONAL or each.default is not each.empty:
            found.append(each.name)
    return found


@functools.cache
def conditions(annotation: Any) -> dict[str, Any]:
    """The keys of `**conditions: Unpack[…]`, with their types."""
    [told] = get_args(annotation)
    assert is_typeddict(told)
    return get_type_hints(told)


@functools.cache
def strategy_of(method: str, name: str, annotation: Any) -> Strategy:
    """The values of one parameter."""
    own = OWN.get(f"{method}.{name}", OWN.get(name))
    return values_of(atoms(annotation)) if own is None else own


@st.composite
def calls(draw: Draw, method: str, forced: str | None = None) -> Call:
    """Calls of *method*; *forced* is an option that is given."""
    options = options_of(method)
    forms = FORMS.get(method, ((),))
    if forced is not None:
        forms = tuple(form for form in forms if forced in form) or forms
    wanted = [*draw(st.sampled_from(forms))]
    others = [each for each in options if not any(each in form for form in FORMS.get(method, ()))]
    if others:
        wanted += draw(st.lists(st.sampled_from(others), max_size=2))
    wanted += [] if forced is None else [forced]
    for each in [*wanted]:
        wanted += WITH.get(each, ()) if draw(st.booleans()) else ()
    return _call(draw, method, set(wanted))


def _call(draw: Draw, method: str, wanted: set[str]) -> Call:
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for each in signature_of(method).parameters.values():
        if each.kind is each.VAR_KEYWORD:
            for name, annotation in conditions(each.annotation).items():
                if name in wanted:
                    kwargs[name] = draw(strategy_of(method, name, annotation))
            continue
        strategy = strategy_of(method, each.name, each.annotation)
        if each.kind is each.VAR_POSITIONAL:
            least = 1 if each.name in wanted else 0
            args += draw(st.lists(strategy, min_size=least, max_size=3))
        elif each.default is not each.empty and each.name not in wanted:
            continue
        elif each.kind is each.KEYWORD_ONLY or len(args) < _position(method, each.name):
            kwargs[each.name] = draw(strategy)
        else:
            args.append(draw(strategy))
    return Call(method, tuple(args), kwargs)


def _position(method: str, name: str) -> int:
    return [*signature_of(method).parameters].index(name)
