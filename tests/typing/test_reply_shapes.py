"""Every shape of reply is proved for checkers, in each life, for text and for bytes.

A shape is the annotation of a command's reply, with `NamedTuple` in place of the names of named
tuples.  Each `assert_type` of `text_replies` and `raw_replies` is proved by mypy and pyright, strict
both; `lives_of` reads them.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator

from anyredis.command import Definition
from anyredis.commands.core import CoreCommands
from anyredis.commands.hash_import import HashImport
from anyredis.commands.session import SessionCommands
from anyredis.methods import parsed_type
from tests.typing.raw_replies import raw_replies
from tests.typing.text_replies import text_replies

ROW = re.compile(r"^    assert_type\((reply|queued|planned)\(\w+\.(\w+)\),", re.MULTILINE)
SESSION = (SessionCommands, HashImport)


def definitions() -> Iterator[Definition]:
    """The definition of each command method, those of sessions too."""
    for group in (*CoreCommands.__mro__, *(each for one in SESSION for each in one.__mro__)):
        yield from (each for each in vars(group).values() if isinstance(each, Definition))


def is_record(named: object) -> bool:
    """Whether it is the class of a named tuple."""
    return inspect.isclass(named) and hasattr(named, "_fields")


def shape_of(definition: Definition) -> str:
    """The annotation of the reply, without the names of named tuples."""
    assert definition.owner is not None
    names = vars(sys.modules[definition.owner.__module__])
    built = inspect.signature(definition.__wrapped__).return_annotation
    return re.sub(
        r"[A-Za-z_.]+",
        lambda match: "NamedTuple" if is_record(names.get(match[0])) else match[0],
        str(parsed_type(built)),
    )


def in_a_pipeline(definition: Definition) -> bool:
    """Whether pipelines have the command: it does not block, and changes no connection."""
    return getattr(CoreCommands, definition.name, None) is not None and not definition.blocks


def lives_of(table: Callable[..., object]) -> dict[str, set[str]]:
    """The lives in which *table* has each method."""
    lives: dict[str, set[str]] = {}
    for life, method in ROW.findall(inspect.getsource(table)):
        lives.setdefault(method, set()).add(life)
    return lives


def test_every_shape_of_reply_is_in_the_table() -> None:
    """Add a command of a shape that is missing here to `text_replies` and `raw_replies`."""
    by_name = {each.name: each for each in definitions()}
    every = {"reply", "queued", "planned"}
    for table in (text_replies, raw_replies):
        shown = lives_of(table)
        whole = {
            shape_of(by_name[method])
            for method, lives in shown.items()
            if lives == (every if in_a_pipeline(by_name[method]) else every - {"queued"})
        }
        missing = {shape_of(each) for each in by_name.values()} - whole
        assert missing == set(), f"{table.__name__}: {sorted(missing)}"


def test_shapes() -> None:
    """Named tuples are one shape, whatever their name; what they are of is kept."""
    by_name = {each.name: shape_of(each) for each in definitions()}
    assert by_name["get"] == "S | None"
    assert by_name["slowlog_get"] == by_name["client_list"] == "list[NamedTuple]"
    assert by_name["xrange"] == "list[NamedTuple[S]]"
    assert by_name["bzpopmin"] == "tuple[S, S, float] | None"
    assert by_name["select"] == "bool"
    assert len(set(by_name.values())) > 50
