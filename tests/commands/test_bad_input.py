"""Bad input is refused before anything is written, and the message names the argument.

`test_checks` has the values that a parameter's annotation excludes: fractions, NaN, negative counts.
Here are empty collections, numbers that may be negative, and options that exclude each other, as the
servers document them.
"""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Final, NotRequired, TypedDict, get_origin

from anyredis import DataError
from anyredis.commands.bitmaps import BitField
from anyredis.commands.checks import atoms
from anyredis.commands.group import SupportsItems
from anyredis.commands.modules.search_queries import SearchPlan
from anyredis.commands.sorted_sets import Scores
from anyredis.facts import table
from anyredis.replies import TextReaders
from anyredis.search import TextField, VectorQuery, load
from tests.commands.rows import methods_of, sent_rows
from tests.commands.test_checks import DEFINITIONS, call, parameters, usual
from tests.commands.test_every_command import TABLES

MAY_BE_NEGATIVE: Final = {
    **dict.fromkeys(("amount", "lbound", "ubound"), "what is added to a number, and its bounds"),
    **dict.fromkeys(
        ("index", "start", "end", "stop", "min", "max", "rank"), "counted from the end"
    ),
    **dict.fromkeys(
        (
            *("time", "ex", "px", "exat", "pxat", "ttl", "when", "time_ms", "seconds"),
            *("milliseconds", "unix_time_seconds", "unix_time_milliseconds"),
        ),
        "a time in the past deletes; servers differ in what else they refuse",
    ),
    **dict.fromkeys(("idle", "min_idle_time", "idletime"), "the server takes it as 0"),
    "client_id": "the server looks for it",
    "clientid": "the server looks for it",
    "count": "all (COMMANDLOG GET, VRANGE); with repetitions; from the end (LREM)",
    "entries_read": "unknown: -1",
    "idmp_duration": "a duration, which the server bounds",
    "num": "all: SLOWLOG GET -1",
    "number": "with repetitions: SRANDMEMBER",
    "timeout": "a duration, which the server refuses",
    "version_numbers": "LOLWUT draws what it can",
}
"""The parameters that take -1, each with its meaning."""

COUNTS_THAT_MAY_BE_NEGATIVE: Final = {
    "commandlog_get",
    "hrandfield_many",
    "hrandfield_with_values",
    "lrem",
    "vrandmember_many",
    "vrange",
    "zrandmember_many",
    "zrandmember_with_scores",
}

MAY_BE_EMPTY: Final = {
    ("acl_setuser", "passwords"): "no rule of that kind",
    ("acl_setuser", "hashed_passwords"): "no rule of that kind",
    ("acl_setuser", "categories"): "no rule of that kind",
    ("acl_setuser", "commands"): "no rule of that kind",
    ("acl_setuser", "keys"): "no rule of that kind",
    ("acl_setuser", "channels"): "no rule of that kind",
    ("acl_setuser", "selectors"): "no rule of that kind",
    ("bitfield_ro", "items"): "the one place before them",
    ("client_tracking_on", "prefix"): "no prefix: all keys",
    ("ft.aggregate", "params"): "none",
    ("ft.aggregate_cursor", "params"): "none",
    ("ft.explain", "params"): "none",
    ("ft.explaincli", "params"): "none",
    ("ft.hybrid", "params"): "none",
    ("ft.search", "filters"): "none",
    ("ft.search", "params"): "none",
    ("ft.create", "stopwords"): "no stop word at all, not the server's own",
    ("json.arrappend", "values"): "an empty array or object is an element",
    ("json.arrinsert", "values"): "an empty array or object is an element",
    ("module_loadex", "args"): "none",
    ("module_loadex", "config"): "none",
    **{
        (f"ts.{name}", "labels"): "no label at all"
        for name in ("add", "alter", "create", "decrby", "incrby")
    },
}
"""The parameters that take an empty collection, each with its meaning."""

TOGETHER: Final = {
    (f"{method}", "xx", other): "the server takes them together: an existing time that is greater"
    for method in ("expire", "expireat", "pexpire", "pexpireat")
    for other in ("gt", "lt")
}
"""Options that the server documents as alternatives, and that mean something together."""


COLLECTIONS: Final = (Collection, Sequence, Mapping)

EMPTY: Final[tuple[object, ...]] = ([], {})

VECTOR: Final = {"vector": [1.0]}
INPUT: Final = {"input": [1.0]}
RANGES: Final = {"ranges": (0, 5)}
CENTRE: Final = {"member": "m", "radius": 1.0, "unit": "m"}
NO_KEYS: Final = {"numkeys": 0}

NEEDED: Final[dict[str, dict[str, Any]]] = {
    "ardelrange": RANGES,
    "argrep": {"predicates": [("GLOB", "a*")]},
    "argrep_with_values": {"predicates": [("GLOB", "a*")]},
    "armset": {"mapping": {1: "a"}},
    "bitfield": {"operations": BitField().get("u8", 0)},
    "bitfield_ro": {"encoding": "u8", "offset": 0},
    "bitpos": {"bit": 1},
    "bzmpop": {"min": True},
    "cluster_addslotsrange": RANGES,
    "cluster_delslotsrange": RANGES,
    "cluster_migrateslots": {"migrations": {"id": [(0, 5)]}},
    "cluster_migration_import": RANGES,
    "cluster_setslot": {"stable": True},
    "cluster_slot_stats": {"orderby": "KEY-COUNT"},
    "bf.reserve": {"error_rate": 0.1},
    "cms.incrby": {"increments": 1},
    "cms.initbyprob": {"error": 0.1, "probability": 0.1},
    "config_set": {"more": ("name", "value")},
    "eval": NO_KEYS,
    "eval_ro": NO_KEYS,
    "evalsha": NO_KEYS,
    "evalsha_ro": NO_KEYS,
    "fcall": NO_KEYS,
    "fcall_ro": NO_KEYS,
    "ft.aggregate": {"steps": load("f")},
    "ft.aggregate_cursor": {"steps": load("f")},
    "ft.hybrid": {"vector": VectorQuery("v", b"xxxx"), "steps": load("f")},
    "ft.profile": {"query": SearchPlan(TextReaders(str)).search("i", "x")},
    "ft.search_as": {"type": dict},
    "ft.alter": {"fields": TextField("t")},
    "ft.create": {"fields": TextField("t")},
    "tdigest.quantile": {"quantiles": 0.5},
    "tdigest.trimmed_mean": {"low_cut_quantile": 0.1, "high_cut_quantile": 0.9},
    "topk.incrby": {"increments": 1},
    "ts.madd": {"samples": [("k", 1, 1.5)]},
    "geoadd": {"values": [(1.0, 2.0, "m")]},
    "geosearch": CENTRE,
    "geosearch_places": CENTRE,
    "geosearchstore": CENTRE,
    "hotkeys_start": {"metrics": ["CPU"]},
    "hset": {"mapping": {"f": 1}},
    "hsetex": {"mapping": {"f": 1}},
    "json.arrappend": {"values": "x"},
    "json.arrindex": {"value": "x", "start": 0},
    "json.arrinsert": {"values": "x"},
    "json.merge": {"value": "x"},
    "json.mset": {"triplets": [("k", "$", "x")]},
    "json.set": {"value": "x"},
    "json.strappend": {"value": "x"},
    "setbit": {"value": 1},
    "vadd": VECTOR,
    "vsim": INPUT,
    "vsim_with_attributes": INPUT,
    "vsim_with_scores": INPUT,
    "xadd": {"fields": {"f": 1}, "maxlen": 9},
    "xadd_nomkstream": {"fields": {"f": 1}, "maxlen": 9},
    "xcfgset": {"idmp_maxsize": 9},
    "xreadgroup_claim": {"streams": {"s": ">"}},
    "xtrim": {"maxlen": 9},
    "zmpop": {"min": True},
}
"""Arguments without which the others are not looked at."""


class Argument(TypedDict):
    """An argument of a command in `commands.json`, as far as it is used here."""

    type: str
    token: NotRequired[str]
    arguments: NotRequired[list[Argument]]


class Facts(TypedDict):
    """The entry of a command."""

    arguments: NotRequired[list[Argument]]


COMMANDS: Final[dict[str, Facts]] = json.loads(
    (Path(__file__).parents[1] / "commands.json").read_text()
)


def refusal(method: str, **given: object) -> str | None:
    """The message with which *method* refuses what is *given*; None if it takes it."""
    try:
        call(method, **NEEDED.get(method, {}) | given)
    except DataError as error:
        return str(error)
    return None


def test_usual_arguments() -> None:
    """Each method takes them: otherwise a refusal below would prove nothing."""
    refused = {method for method in DEFINITIONS if refusal(method) is not None}
    # Its conditions are keywords of any name: `test_checks` has them.
    assert refused == {"client_kill_filter", "config_set"}


# -- numbers ------------------------------------------------------------------------------------


def numbers() -> Iterator[tuple[str, str]]:
    """Each method with each of its parameters that take an int, and no text."""
    for method in DEFINITIONS:
        for parameter, annotation in parameters(method):
            types = atoms(annotation) - {NoneType}
            others = types & {str, bytes, bool, float}
            several = any(get_origin(each) in COLLECTIONS for each in types)
            if any("int" in str(each) for each in types) and not others and not several:
                yield method, parameter.name


def test_negative_numbers() -> None:
    """A number takes -1 only if that means something, which a list says."""
    taken = {(method, name) for method, name in numbers() if refusal(method, **{name: -1}) is None}
    assert {name for _, name in taken} == MAY_BE_NEGATIVE.keys()
    assert {method for method, name in taken if name == "count"} == COUNTS_THAT_MAY_BE_NEGATIVE
    assert len(set(numbers()) - taken) > 60


# -- collections --------------------------------------------------------------------------------


def collections() -> Iterator[tuple[str, str, bool]]:
    """Each method with each of its parameters that take several values, and whether as `*name`."""
    for method in DEFINITIONS:
        for parameter, annotation in parameters(method):
            several = parameter.kind is inspect.Parameter.VAR_POSITIONAL
            kinds = {get_origin(each) or each for each in atoms(annotation)}
            if several or kinds & {*COLLECTIONS, SupportsItems, Scores}:
                yield method, parameter.name, several


def test_empty_collections() -> None:
    """An empty collection is refused, naming the parameter; or it means something, as a list says."""
    taken: set[tuple[str, str]] = set()
    unnamed: list[str] = []
    for method, name, _ in collections():
        for empty in EMPTY:
            told = refusal(method, **{name: empty})
            if told is None:
                taken.add((method, name))
            elif name not in told and not told.partition(":")[2].lstrip().startswith("numkeys"):
                unnamed.append(f"{method}({name}={empty}): {told}")
    assert taken == MAY_BE_EMPTY.keys()
    assert unnamed == []


# -- options that exclude each other ------------------------------------------------------------


def alternatives(arguments: list[Argument]) -> Iterator[list[str]]:
    """The options, of which the server takes one, as parameters are called."""
    for argument in arguments:
        inner = argument.get("arguments", [])
        if argument["type"] == "oneof":
            yield [word.lower().replace("-", "_") for each in inner if (word := token(each))]
        yield from alternatives(inner)


def token(argument: Argument) -> str | None:
    """The word by which an argument is told; that of its first part if it has none."""
    inner = (each.get("token") for each in argument.get("arguments", []))
    return argument.get("token") or next((each for each in inner if each), None)


def exclusive() -> Iterator[tuple[str, str, str]]:
    """Each method with each two of its options that exclude each other."""
    found: set[tuple[str, str, str]] = set()
    for group in TABLES:
        # The commands of sentinels have no documentation of their arguments.
        if not DEFINITIONS.keys() >= set(methods_of(group)):
            continue
        known = {
            method: {each.name for each, _ in parameters(method)} for method in methods_of(group)
        }
        for row in sent_rows(group):
            facts = COMMANDS.get(table.full_name(row.command.args).decode(), Facts())
            for options in alternatives(facts.get("arguments", [])):
                mine = [each for each in options if each in known[row.method]]
                found |= {(row.method, *each) for each in itertools.combinations(mine, 2)}
    yield from sorted(found)


def given(method: str, name: str) -> Any:
    """A value that turns the option *name* on."""
    [(parameter, annotation)] = [each for each in parameters(method) if each[0].name == name]
    return True if bool in atoms(annotation) else usual(method, parameter, annotation)


def test_options_that_exclude_each_other() -> None:
    """Two of them are refused, and both are named."""
    cases = list(exclusive())
    assert len(cases) > 100
    wrong: dict[tuple[str, str, str], str | None] = {}
    for method, one, other in cases:
        told = refusal(method, **{one: given(method, one), other: given(method, other)})
        if told is None or one not in told or other not in told:
            wrong[method, one, other] = told
    assert wrong == dict.fromkeys(TOGETHER)
