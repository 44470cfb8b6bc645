"""Places as a table: arguments to words, replies to values, mistakes to errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anyredis.command import Blueprint, Command
from anyredis.commands.geo import Geo, GeoPlace, GeoPosition
from anyredis.exceptions import DataTypeError, DataValueError, ProtocolError
from anyredis.replies import TextReaders
from tests.commands.tables import parsed, unchecked, words


class Text(Blueprint, Geo[str]):
    """Commands of a client that decodes."""

    read = TextReaders(str)


class Binary(Blueprint, Geo[bytes]):
    """Commands of a client that does not."""

    read = TextReaders(bytes)


text, binary = Text(), Binary()

NAN = float("nan")
CORNERS = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)]

SENT: list[tuple[str, Command[object]]] = [
    ("GEOADD k 13.5 38.25 Palermo", text.geoadd("k", [(13.5, 38.25, "Palermo")])),
    ("GEOADD k 1.5 2 a 3 4 b", text.geoadd("k", [1.5, 2, "a", 3, 4, b"b"])),
    ("GEOADD k XX CH 1.5 2 a", text.geoadd("k", (1.5, 2, "a"), xx=True, ch=True)),
    ("GEOADD k NX 1.5 2 a", text.geoadd("k", [(1.5, 2, "a")], nx=True)),
    ("GEODIST k a b M", text.geodist("k", "a", "b")),
    ("GEODIST k a b KM", text.geodist("k", "a", "b", unit="km")),
    ("GEOHASH k a b", text.geohash("k", "a", "b")),
    ("GEOPOS k a b", text.geopos("k", ["a", "b"])),
    ("GEOSEARCH k FROMMEMBER a BYRADIUS 5 M", text.geosearch("k", member="a", radius=5)),
    (
        "GEOSEARCH k FROMLONLAT 15 37.5 BYBOX 400 300 KM DESC COUNT 3 ANY",
        text.geosearch(
            *("k",),
            longitude=15,
            latitude=37.5,
            width=400,
            height=300,
            unit="km",
            sort="DESC",
            count=3,
            any=True,
        ),
    ),
    ("GEOSEARCH k BYPOLYGON 3 0.0 0.0 0.0 10.0 10.0 10.0", text.geosearch("k", polygon=CORNERS)),
    (
        "GEOSEARCH k FROMMEMBER a BYRADIUS 5 M ASC WITHCOORD WITHDIST WITHHASH",
        text.geosearch_places("k", member="a", radius=5, sort="asc"),
    ),
    (
        "GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 5 M COUNT 2 STOREDIST",
        text.geosearchstore("d", "k", member="a", radius=5, count=2, storedist=True),
    ),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_words(sent: str, command: Command[object]) -> None:
    """A call becomes these words, in this order."""
    assert words(command) == sent.split()


PLACE2 = b"*4\r\n$1\r\na\r\n$6\r\n0.5000\r\n:3479447370796909\r\n*2\r\n$2\r\n15\r\n$4\r\n37.5\r\n"
PLACE3 = b"*4\r\n$1\r\na\r\n$6\r\n0.5000\r\n:3479447370796909\r\n*2\r\n,15\r\n,37.5\r\n"
PLACE = GeoPlace("a", 0.5, 3479447370796909, GeoPosition(15.0, 37.5))

READ: list[tuple[Command[object], bytes, object]] = [
    (text.geoadd("k", (1, 2, "a")), b":1\r\n", 1),
    (text.geodist("k", "a", "b"), b"$11\r\n166274.1516\r\n", 166274.1516),
    (text.geodist("k", "a", "b"), b"$-1\r\n", None),
    (text.geohash("k", "a"), b"*2\r\n$11\r\nsqc8b49rny0\r\n$-1\r\n", ["sqc8b49rny0", None]),
    (binary.geohash("k", "a"), b"*2\r\n$11\r\nsqc8b49rny0\r\n_\r\n", ["sqc8b49rny0", None]),
    (
        text.geopos("k", "a", "b"),
        b"*2\r\n*2\r\n$2\r\n15\r\n$4\r\n37.5\r\n*-1\r\n",
        [GeoPosition(15.0, 37.5), None],
    ),
    (text.geopos("k", "a"), b"*2\r\n*2\r\n,15\r\n,37.5\r\n_\r\n", [GeoPosition(15.0, 37.5), None]),
    (text.geosearch("k", member="a", radius=5), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", ["a", "b"]),
    (text.geosearch_places("k", member="a", radius=5), b"*1\r\n" + PLACE2, [PLACE]),
    (text.geosearch_places("k", member="a", radius=5), b"*1\r\n" + PLACE3, [PLACE]),
    (text.geosearchstore("d", "k", member="a", radius=5), b":3\r\n", 3),
]


@pytest.mark.parametrize(("command", "raw", "value"), READ)
def test_replies(command: Command[object], raw: bytes, value: object) -> None:
    """A reply of RESP2 or RESP3 becomes this value, of this very type."""
    encoding = None if command.parse == binary.geohash("k", "a").parse else "utf-8"
    result = parsed(command, raw, encoding)
    assert result == value
    assert type(result) is type(value)


def test_members_as_bytes() -> None:
    """On a client that does not decode, members are bytes."""
    command = binary.geosearch_places("k", member="a", radius=5)
    [place] = parsed(command, b"*1\r\n" + PLACE2, encoding=None)
    assert place == PLACE._replace(member=b"a")  # type: ignore[arg-type]


ODD: list[tuple[Command[object], bytes]] = [
    (text.geoadd("k", (1, 2, "a")), b"+OK\r\n"),
    (text.geodist("k", "a", "b"), b"$1\r\nx\r\n"),
    (text.geohash("k", "a"), b"*1\r\n:1\r\n"),
    (text.geopos("k", "a"), b"*1\r\n*1\r\n:1\r\n"),
    (text.geosearch("k", member="a", radius=5), b"*1\r\n_\r\n"),
    (text.geosearch_places("k", member="a", radius=5), b"*1\r\n*1\r\n$1\r\na\r\n"),
]


@pytest.mark.parametrize(("command", "raw"), ODD)
def test_replies_of_no_known_shape(command: Command[object], raw: bytes) -> None:
    """A reply that the command cannot have is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(command, raw)


search = unchecked(text.geosearch)

MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataTypeError, "values has to be a list", lambda: unchecked(text.geoadd)("k", {"a": (1, 2)})),
    (DataValueError, "has to hold (longitude", lambda: text.geoadd("k", [])),
    (DataValueError, "has to hold (longitude", lambda: text.geoadd("k", [1, 2])),
    (DataValueError, "has to hold (longitude", lambda: unchecked(text.geoadd)("k", [(1, 2)])),
    (DataTypeError, "mixes triples", lambda: text.geoadd("k", [(1, 2, "a"), 3, 4, "b"])),
    (DataValueError, "place 1: latitude is 86", lambda: text.geoadd("k", [1, 2, "a", 3, 86, "b"])),
    (DataValueError, "place 0: longitude is nan", lambda: text.geoadd("k", (NAN, 2, "a"))),
    (DataTypeError, "place 0: longitude is 'a'", lambda: text.geoadd("k", ("a", 2, 1))),
    (
        DataValueError,
        "GEOADD: nx and xx",
        lambda: text.geoadd("k", (1, 2, "a"), nx=True, xx=True),
    ),
    (
        DataValueError,
        "GEODIST: unit is 'au'",
        lambda: unchecked(text.geodist)("k", "a", "b", unit="au"),
    ),
    (DataValueError, "GEOHASH: members is empty", lambda: text.geohash("k")),
    (DataValueError, "GEOPOS: members is empty", lambda: text.geopos("k", [])),
    (DataValueError, "give member, or longitude", lambda: search("k", radius=1)),
    (DataValueError, "give member, or longitude", lambda: search("k", longitude=1, radius=1)),
    (
        DataValueError,
        "member and latitude exclude",
        lambda: search("k", member="a", latitude=1, radius=1),
    ),
    (DataValueError, "give radius, or width", lambda: search("k", member="a")),
    (DataValueError, "give radius, or width", lambda: search("k", member="a", width=1)),
    (
        DataValueError,
        "radius and height exclude",
        lambda: search("k", member="a", radius=1, height=1),
    ),
    (DataValueError, "radius is -1", lambda: search("k", member="a", radius=-1)),
    (DataValueError, "radius is nan", lambda: search("k", member="a", radius=NAN)),
    (DataValueError, "polygon and member", lambda: search("k", member="a", polygon=CORNERS)),
    (DataValueError, "three or more corners", lambda: search("k", polygon=CORNERS[:2])),
    (DataValueError, "leave unit out", lambda: search("k", polygon=CORNERS, unit="km")),
    (DataValueError, "polygon[0]: longitude is 181", lambda: search("k", polygon=[(181, 0)] * 3)),
    (DataValueError, "any needs a count", lambda: search("k", member="a", radius=1, any=True)),
    (DataValueError, "count is 0", lambda: search("k", member="a", radius=1, count=0)),
    (DataValueError, "sort is 'UP'", lambda: search("k", member="a", radius=1, sort="UP")),
    (
        DataValueError,
        "GEOSEARCHSTORE: give radius",
        lambda: text.geosearchstore("d", "k", member="a"),
    ),
    (DataValueError, "give radius", lambda: text.geosearch_places("k", member="a")),
]


@pytest.mark.parametrize(("error", "message", "call"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, call: Callable[[], object]) -> None:
    """A bad argument is refused at once, and the message names it."""
    with pytest.raises(error) as refused:
        call()
    assert message in str(refused.value)
