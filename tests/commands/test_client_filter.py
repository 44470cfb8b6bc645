"""Conditions on connections: words, and mistakes."""

from __future__ import annotations

from typing import cast

import pytest

from anyredis.commands.client_filter import ClientFilter, filter_words
from anyredis.exceptions import DataError, DataTypeError, DataValueError


def conditions(**given: object) -> ClientFilter:
    """The conditions *given*, whatever their types."""
    return cast("ClientFilter", given)


SENT: list[tuple[ClientFilter, tuple[object, ...]]] = [
    ({}, ()),
    ({"id": None, "user": None}, ()),
    ({"id": 7}, (b"ID", 7)),
    ({"id": "7"}, (b"ID", "7")),
    ({"id": range(7, 9)}, (b"ID", 7, 8)),
    ({"skipme": True}, (b"SKIPME", b"YES")),
    ({"skipme": False}, (b"SKIPME", b"NO")),
    ({"type": "primary", "not_type": "pubsub"}, (b"TYPE", "primary", b"NOT-TYPE", "pubsub")),
    ({"not_lib_name": "a", "maxage": 9}, (b"NOT-LIB-NAME", "a", b"MAXAGE", 9)),
]


@pytest.mark.parametrize(("given", "sent"), SENT)
def test_words(given: ClientFilter, sent: tuple[object, ...]) -> None:
    """Each condition is a word of the server with its value; None is no condition."""
    assert filter_words("CLIENT KILL", given) == sent


MISTAKES: list[tuple[type[DataError], str, ClientFilter]] = [
    (DataValueError, "CLIENT LIST: id is empty", conditions(id=[])),
    (DataValueError, "CLIENT LIST: not_id is empty", conditions(not_id=())),
    (DataTypeError, "CLIENT LIST: id[1] is 7.5", conditions(id=[7, 7.5])),
    (DataTypeError, "CLIENT LIST: usr is no condition", conditions(usr="me")),
    (DataTypeError, "CLIENT LIST: user is ['me']", conditions(user=["me"])),
    (DataTypeError, "CLIENT LIST: idle is True", conditions(idle=True)),
    (DataValueError, "CLIENT LIST: type is 'boss'", conditions(type="boss")),
]


@pytest.mark.parametrize(("error", "message", "given"), MISTAKES)
def test_mistakes(error: type[DataError], message: str, given: ClientFilter) -> None:
    """A condition of another name, type or value is refused, and the message names it."""
    with pytest.raises(error) as refused:
        filter_words("CLIENT LIST", given)
    assert message in str(refused.value)


def test_each_condition_is_checked_by_its_annotation() -> None:
    """A number is refused as a flag, a fraction as a number, for each condition of that kind."""
    numbers = [name for name, hint in ClientFilter.__annotations__.items() if hint == int | None]
    assert numbers == ["maxage", "idle", "db", "not_db"]
    for name in numbers:
        with pytest.raises(DataTypeError, match=f"CLIENT LIST: {name} is 1.5"):
            filter_words("CLIENT LIST", conditions(**{name: 1.5}))
    with pytest.raises(DataTypeError, match="CLIENT LIST: skipme is 1"):
        filter_words("CLIENT LIST", conditions(skipme=1))
