"""Places: members of a sorted set with a longitude and a latitude, found by distance.

Law: longitudes (-180 to 180) and latitudes (about -85.05 to 85.05) are degrees, in this order, as
everywhere in the servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, Literal, NamedTuple, TypeAlias, cast

from anyredis.command import Command, command
from anyredis.commands.checks import number
from anyredis.commands.group import Group, choice, flags, only_one
from anyredis.commands.several import SomeValues, all_values
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.replies import (
    S,
    array,
    integer,
    number_or_none,
    pair,
    unexpected,
    word_or_none,
)
from anyredis.replies import number as number_of
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value

GeoUnit: TypeAlias = Literal["m", "km", "ft", "mi", "M", "KM", "FT", "MI"]
"""Metres, kilometres, feet, miles."""

Order: TypeAlias = Literal["ASC", "DESC", "asc", "desc"]
"""The nearest or the farthest first."""

UNITS: Final = ("M", "KM", "FT", "MI")
_LIMITS: Final = {"longitude": 180.0, "latitude": 85.05112878}


class GeoPosition(NamedTuple):
    """A point on the earth, in degrees."""

    longitude: float
    latitude: float


class GeoPlace(NamedTuple, Generic[S]):
    """One result of `geosearch_places`."""

    member: S
    distance: float
    """From the centre, in the unit of the search."""
    hash: int
    """The score of the member: its position as an int of 52 bits."""
    position: GeoPosition


class Geo(Group[S]):
    """The commands on places."""

    @command
    def geoadd(
        self,
        key: Key,
        values: Sequence[Value | tuple[float, float, Value]],
        *,
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
    ) -> Command[int]:
        """The number of members that were added, with *ch* of those that were added or moved.

        *values*: `(longitude, latitude, member)`, any number of them, or all in one flat list.
        With *nx* members that exist are not moved, with *xx* none is added (options: server 6.2).
        GEOADD key [NX | XX] [CH] longitude latitude member [longitude …].
        Server 3.2. O(log(N)) for each item added.
        """
        if nx and xx:
            only_one("GEOADD", nx=nx, xx=xx)
        words = (b"GEOADD", key, *flags(nx=nx, xx=xx, ch=ch), *_places(values))
        return Command(words, integer)

    @command
    def geodist(
        self, key: Key, member1: Value, member2: Value, *, unit: GeoUnit = "m"
    ) -> Command[float | None]:
        """The distance of two members in *unit*, None if one is missing.

        GEODIST key member1 member2 M|KM|FT|MI. Server 3.2. O(1).
        """
        words = (b"GEODIST", key, member1, member2, choice("GEODIST", "unit", unit, *UNITS))
        return Command(words, number_or_none)

    @command
    def geohash(self, key: Key, *members: SomeValues) -> Command[list[str | None]]:
        """The Geohash (11 characters) of each of *members*, None for one that is missing.

        GEOHASH key member [member …]. Server 3.2. O(1) for each member requested.
        """
        return Command((b"GEOHASH", key, *all_values("GEOHASH", "members", members)), _hashes)

    @command
    def geopos(self, key: Key, *members: SomeValues) -> Command[list[GeoPosition | None]]:
        """The position of each of *members*, None for one that is missing.

        GEOPOS key member [member …]. Server 3.2. O(1) for each member requested.
        """
        return Command((b"GEOPOS", key, *all_values("GEOPOS", "members", members)), _positions)

    @command
    def geosearch(
        self,
        key: Key,
        *,
        member: Value | None = None,
        longitude: float | None = None,
        latitude: float | None = None,
        unit: GeoUnit = "m",
        radius: float | None = None,
        width: float | None = None,
        height: float | None = None,
        polygon: Sequence[tuple[float, float]] | None = None,
        sort: Order | None = None,
        count: int | None = None,
        any: bool = False,
    ) -> Command[list[S]]:
        """The members in a circle or a box around a centre, or in a *polygon*.

        The centre is a *member*, or *longitude* and *latitude*.  The circle has a *radius*, the box
        a *width* and a *height*, in *unit*.  A *polygon* has at least three corners, each
        `(longitude, latitude)`, and no centre (Valkey 9.0).  At most *count* members; with *any*
        the first that are found, otherwise the nearest.  Raises `ResponseError` if *member* is
        missing.
        GEOSEARCH key [FROMMEMBER … | FROMLONLAT …] [BYRADIUS … | …] [ASC | DESC] [COUNT …].
        Server 6.2. O(N+log(M)).
        """
        selection = _selection("GEOSEARCH", sort, count, any)
        area = _area("GEOSEARCH", member, longitude, latitude, unit, radius, width, height, polygon)
        words = (b"GEOSEARCH", key, *area, *selection)
        return Command(words, self.read.texts)

    @command
    def geosearch_places(
        self,
        key: Key,
        *,
        member: Value | None = None,
        longitude: float | None = None,
        latitude: float | None = None,
        unit: GeoUnit = "m",
        radius: float | None = None,
        width: float | None = None,
        height: float | None = None,
        polygon: Sequence[tuple[float, float]] | None = None,
        sort: Order | None = None,
        count: int | None = None,
        any: bool = False,
    ) -> Command[list[GeoPlace[S]]]:
        """Like `geosearch`, each member with its distance, its hash and its position.

        GEOSEARCH key … WITHCOORD WITHDIST WITHHASH. Server 6.2. O(N+log(M)).
        """
        selection = _selection("GEOSEARCH", sort, count, any)
        area = _area("GEOSEARCH", member, longitude, latitude, unit, radius, width, height, polygon)
        words = (b"GEOSEARCH", key, *area, *selection)
        return Command((*words, b"WITHCOORD", b"WITHDIST", b"WITHHASH"), self._places)

    @command
    def geosearchstore(
        self,
        dest: Key,
        key: Key,
        *,
        member: Value | None = None,
        longitude: float | None = None,
        latitude: float | None = None,
        unit: GeoUnit = "m",
        radius: float | None = None,
        width: float | None = None,
        height: float | None = None,
        polygon: Sequence[tuple[float, float]] | None = None,
        sort: Order | None = None,
        count: int | None = None,
        any: bool = False,
        storedist: bool = False,
    ) -> Command[int]:
        """The number of members that `geosearch` finds, stored in *dest*, which is replaced.

        With *storedist* the scores are the distances from the centre in *unit*, otherwise *dest*
        holds places too.
        GEOSEARCHSTORE dest key … [STOREDIST]. Server 6.2. O(N+log(M)).
        """
        name = "GEOSEARCHSTORE"
        selection = _selection(name, sort, count, any)
        area = _area(name, member, longitude, latitude, unit, radius, width, height, polygon)
        words = (b"GEOSEARCHSTORE", dest, key, *area, *selection)
        return Command((*words, *flags(storedist=storedist)), integer)

    def _places(self, reply: Reply) -> list[GeoPlace[S]]:
        return [self._place(each) for each in array(reply)]

    def _place(self, reply: Reply) -> GeoPlace[S]:
        items = array(reply)
        if len(items) != 4:
            unexpected(reply, "a member with distance, hash and position")
        member, distance, score, position = items
        return GeoPlace(
            self.read.text(member), number_of(distance), integer(score), _position(position)
        )


# -- words --------------------------------------------------------------------------------------


def _places(values: object) -> tuple[Value, ...]:
    """Longitude, latitude, member, and so on, of a flat list or of triples."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise DataTypeError(
            "GEOADD: values has to be a list of (longitude, latitude, member), not "
            f"{type(values).__name__}"
        )
    items = cast("Sequence[object]", values)
    triples = [cast("Sequence[object]", each) for each in items if isinstance(each, (tuple, list))]
    if triples and len(triples) != len(items):
        raise DataTypeError("GEOADD: values mixes triples and single values: give one form")
    flat = [word for each in triples for word in each] if triples else list(items)
    if not flat or len(flat) % 3 or any(len(each) != 3 for each in triples):
        raise DataValueError(
            "GEOADD: values has to hold (longitude, latitude, member), at least once"
        )
    for index in range(0, len(flat), 3):
        _degrees(f"GEOADD: place {index // 3}: ", longitude=flat[index], latitude=flat[index + 1])
    return cast("tuple[Value, ...]", tuple(flat))


def _degrees(where: str, **angles: object) -> None:
    """Raise `DataError` unless the angles are numbers that the servers take."""
    for name, value in angles.items():
        number(f"{where}{name}", value)
        if not isinstance(value, (int, float)) or abs(value) > _LIMITS[name]:
            limit = _LIMITS[name]
            raise DataValueError(
                f"{where}{name} is {excerpt(value, 80)}: give degrees, {-limit} to {limit}"
            )


def _area(
    command: str,
    member: Value | None,
    longitude: float | None,
    latitude: float | None,
    unit: GeoUnit,
    radius: float | None,
    width: float | None,
    height: float | None,
    polygon: Sequence[tuple[float, float]] | None,
) -> tuple[Value, ...]:
    """The words for centre and shape; raises `DataError` unless there is one of each."""
    word = choice(command, "unit", unit, *UNITS)
    only_one(command, radius=radius, width=width, polygon=polygon)
    only_one(command, radius=radius, height=height, polygon=polygon)
    if polygon is not None:
        only_one(command, polygon=polygon, member=member, longitude=longitude, latitude=latitude)
        if word != b"M":
            raise DataValueError(
                f"{command}: a polygon is in degrees, and distances from it in metres: leave unit out"
            )
        return _polygon(command, polygon)
    centre = _centre(command, member, longitude, latitude)
    if radius is not None:
        return (*centre, b"BYRADIUS", _size(command, "radius", radius), word)
    if width is None or height is None:
        raise DataValueError(f"{command}: give radius, or width and height, or polygon")
    sizes = (_size(command, "width", width), _size(command, "height", height))
    return (*centre, b"BYBOX", *sizes, word)


def _centre(
    command: str, member: Value | None, longitude: float | None, latitude: float | None
) -> tuple[Value, ...]:
    if member is not None:
        only_one(command, member=member, longitude=longitude)
        only_one(command, member=member, latitude=latitude)
        return (b"FROMMEMBER", member)
    if longitude is None or latitude is None:
        raise DataValueError(f"{command}: give member, or longitude and latitude, as the centre")
    _degrees(f"{command}: ", longitude=longitude, latitude=latitude)
    return (b"FROMLONLAT", longitude, latitude)


def _size(command: str, name: str, size: float) -> float:
    if size < 0:
        raise DataValueError(f"{command}: {name} is {excerpt(size, 80)}: give 0 or more")
    return size


def _polygon(command: str, polygon: Sequence[tuple[float, float]]) -> tuple[Value, ...]:
    corners = [tuple(corner) for corner in polygon]
    if len(corners) < 3 or any(len(corner) != 2 for corner in corners):
        raise DataValueError(
            f"{command}: polygon has to hold three or more corners, (longitude, latitude)"
        )
    for index, (longitude, latitude) in enumerate(corners):
        _degrees(f"{command}: polygon[{index}]: ", longitude=longitude, latitude=latitude)
    return (b"BYPOLYGON", len(corners), *(degree for corner in corners for degree in corner))


def _selection(
    command: str, sort: Order | None, count: int | None, any_: bool
) -> tuple[Value, ...]:
    """The words for order and number."""
    order = () if sort is None else (choice(command, "sort", sort, "ASC", "DESC"),)
    if count is None:
        if any_:
            raise DataValueError(f"{command}: any needs a count")
        return order
    if count < 1:
        raise DataValueError(f"{command}: count is {count}: give 1 or more")
    return (*order, b"COUNT", count, *flags(any=any_))


# -- replies ------------------------------------------------------------------------------------


def _position(reply: Reply) -> GeoPosition:
    longitude, latitude = pair(reply)
    return GeoPosition(number_of(longitude), number_of(latitude))


def _positions(reply: Reply) -> list[GeoPosition | None]:
    return [None if each is None else _position(each) for each in array(reply)]


def _hashes(reply: Reply) -> list[str | None]:
    return [word_or_none(each) for each in array(reply)]
