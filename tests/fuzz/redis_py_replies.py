"""What redis-py's replies are here: the differences of type, by method and with their reason.

Law: a reply that no table names is equal in both clients, type by type; only a list of redis-py may
be a tuple here, because a tuple of ours is a list with names or of a fixed length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeGuard

from anyredis.reports.stream_reports import StreamGroupInfo, StreamInfo

Convert = Callable[[Any], Any]


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether *value* is a list or a tuple."""
    return isinstance(value, (list, tuple))


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether *value* is a dict."""
    return isinstance(value, dict)


def flags(reply: Any) -> Any:
    """Numbers as flags."""
    return [bool(each) for each in reply]


def text(reply: Any) -> Any:
    """Bytes as text, in lists and as keys too."""
    if isinstance(reply, bytes):
        return reply.decode()
    return [text(each) for each in reply] if is_list(reply) else reply


def entries(reply: Any) -> Any:
    """The IDs of entries as text."""
    return [[text(entry[0]), *entry[1:]] for entry in reply]


def streams(reply: Any) -> Any:
    """The entries of each stream: a list of pairs in RESP2, lists of lists in RESP3."""
    if is_dict(reply):
        return {key: entries(found[0]) for key, found in reply.items()}
    return {key: entries(found) for key, found in reply}


def summary(reply: Any) -> Any:
    """The values of a report, as a list."""
    least, most = text(reply["min"]), text(reply["max"])
    consumers = {each["name"]: each["pending"] for each in reply["consumers"]}
    return [reply["pending"], least, most, consumers]


def report(fields: tuple[str, ...]) -> Convert:
    """The values of the *fields* of a report, as a list; those that a server lacks are None."""

    def convert(reply: Any) -> Any:
        told = {key.replace("-", "_"): value for key, value in reply.items()}
        return [told.get(field) for field in fields]

    return convert


def stream(reply: Any) -> Any:
    """The report of a stream, without the fields of newer servers."""
    *told, first, last = report(STREAM)(reply)
    return [*map(text, told), *(each and [text(each[0]), each[1]] for each in (first, last))]


def groups(reply: Any) -> Any:
    """The reports of groups."""
    return [
        report(GROUP)({**each, "last-delivered-id": text(each["last-delivered-id"])})
        for each in reply
    ]


def claimed(reply: Any) -> Any:
    """What XAUTOCLAIM gives: the next ID, the entries, and the IDs of deleted ones."""
    return [text(reply[0]), entries(reply[1]), text(reply[2])]


def popped(reply: Any) -> Any:
    """Pairs, also of one member: RESP3 has no list around it."""
    return [reply] if reply and not is_list(reply[0]) else reply


STREAM: Final = StreamInfo._fields[:-2]
GROUP: Final = StreamGroupInfo._fields[:-1]
COMPARED: Final = {StreamInfo.__name__: STREAM, StreamGroupInfo.__name__: GROUP}
"""The fields that are compared: those of all servers, each once."""


OURS_FOR: Final[dict[str, tuple[Convert, str]]] = {
    **dict.fromkeys(
        (
            "hsetex",
            "hsetnx",
            "msetex",
            "pfadd",
            "sismember",
            "set",
            "xcfgset",
            "xgroup_createconsumer",
            "arseek",
            "delex",
        ),
        (bool, "a flag, here True or False"),
    ),
    "smismember": (flags, "flags, here True or False"),
    **dict.fromkeys(
        ("digest", "geohash", "type", "xadd"),
        (text, "what the server makes up is text on a bytes client too"),
    ),
    **dict.fromkeys(
        ("xrange", "xrevrange", "xclaim"), (entries, "an ID is text on a bytes client too")
    ),
    **dict.fromkeys(("xread", "xreadgroup"), (streams, "a dict by key in both protocols")),
    "xautoclaim": (claimed, "an ID is text on a bytes client too"),
    "xinfo_stream": (stream, "a report is a tuple with names"),
    "xinfo_groups": (groups, "a report is a tuple with names"),
    "xpending": (summary, "a report is a tuple with names"),
    **dict.fromkeys(("zpopmax", "zpopmin"), (popped, "pairs in both protocols")),
}
"""The conversion of a reply of redis-py into ours, and the reason for the difference."""


def plain(value: Any) -> Any:
    """A reply with lists for all tuples; a report without the words of the server that it keeps."""
    if fields := COMPARED.get(type(value).__name__):
        return plain([getattr(value, field) for field in fields])
    if is_list(value):
        return [plain(each) for each in value]
    if is_dict(value):
        return {key: plain(each) for key, each in value.items()}
    return value


def typed(value: Any) -> Any:
    """A reply in which 1, 1.0 and True are three values."""
    if is_list(value):
        return [typed(each) for each in value]
    if is_dict(value):
        return {key: typed(each) for key, each in value.items()}
    return (type(value).__name__, value)
