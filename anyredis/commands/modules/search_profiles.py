"""Profiles of searches: the result of a query, with what the server did for it."""

from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from anyredis.command import Command
from anyredis.commands.modules.query_commands import QueryCommand
from anyredis.commands.modules.search_params import refuse_foreign
from anyredis.exceptions import DataTypeError
from anyredis.excerpt import excerpt
from anyredis.frozen import Frozen
from anyredis.replies import array, number, pair, unexpected, word
from anyredis.wire.decode import Reply

R = TypeVar("R")


class Profiled(NamedTuple, Generic[R]):
    """The result of a query, with what the server did for it."""

    result: R
    """What the query itself gives."""

    profile: dict[str, Any]
    """Times in milliseconds, iterators and result processors, under the names of the server.

    They are others in each version: Search 8 has them below `Shards` and `Coordinator`.
    """


def profile_command(command: Command[R], *, limited: bool) -> Command[Profiled[R]]:
    """FT.PROFILE for *command*; raises `DataTypeError` if that is no search."""
    if not isinstance(command, QueryCommand) or command.profiled is None:
        refuse_foreign("FT.PROFILE", command)
        raise DataTypeError(
            f"FT.PROFILE: {excerpt(command, 80)} is no search: give a command of ft.plan, such as "
            "profile(client.ft.plan.search(index, query))"
        )
    _, index, *rest = command.args
    short = (b"LIMITED",) if limited else ()
    args = (b"FT.PROFILE", index, command.profiled, *short, b"QUERY", *rest)
    return QueryCommand(args, ProfileReader(command.parse), command.query)


class ProfileReader(Frozen, Generic[R]):
    """Reads replies to FT.PROFILE; *result* reads the part that the query itself gives."""

    __slots__ = ("result",)

    def __init__(self, result: Callable[[Reply], R]) -> None:
        self.result: Final = result

    def __call__(self, reply: Reply) -> Profiled[R]:
        """The result and the profile in *reply*."""
        if isinstance(reply, dict):
            told = reply.get(b"Profile", reply.get(b"profile"))
            found: Reply = reply.get(b"Results", reply)
        else:
            found, told = pair(reply)
        profile = _profile(told)
        if not profile:
            unexpected(reply, "a profile")
        return Profiled(self.result(found), profile)


def _profile(reply: Reply) -> dict[str, Any]:
    """A whole profile: entries, or in RESP2 before Search 8 an array for each name."""
    if isinstance(reply, list) and reply and all(isinstance(each, list) for each in reply):
        return {word(name): _values(word(name), values) for name, *values in map(_filled, reply)}
    return _entries(reply)


def _entries(reply: Reply) -> dict[str, Any]:
    """Names and values: a map of RESP3, or an array in which they take turns."""
    if isinstance(reply, dict):
        return {word(name): _told(word(name), value) for name, value in reply.items()}
    return _flat(array(reply))


def _filled(entry: Reply) -> list[Reply]:
    items = array(entry)
    if not items:
        unexpected(entry, "a name and values")
    return items


def _values(name: str, values: list[Reply]) -> Any:
    """The values behind a name: one, a list of entries, or none."""
    if not values:
        return None
    first = values[0]
    if isinstance(first, list):
        is_list = len(values) == 1 and bool(first) and all(isinstance(each, list) for each in first)
        return [_entries(each) for each in (first if is_list else values)]
    if len(values) > 1:
        unexpected(values, f"one value of {name}")
    return _told(name, values[0])


def _flat(items: list[Reply]) -> dict[str, Any]:
    """Names and values in turn; several arrays behind a name are one list."""
    found: dict[str, list[Reply]] = {}
    name: str | None = None
    for item in items:
        if name is None or (found[name] and not isinstance(item, list)):
            name = word(item)
            found[name] = []
        else:
            found[name].append(item)
    return {name: _values(name, values) for name, values in found.items()}


def _told(name: str, value: Reply) -> Any:
    """A value: times are numbers in both protocols, and `None` is no warning."""
    if isinstance(value, dict):
        return _entries(value)
    if isinstance(value, list):
        return [_told(name, each) for each in value]
    if name.lower().endswith("time"):
        return number(value)
    if isinstance(value, bytes):
        text = word(value)
        return None if name == "Warning" and text == "None" else text
    return cast("Any", value)
