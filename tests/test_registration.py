"""Tests of `anyredis.registration`: commands that only their users know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from anyredis import registration
from anyredis.cluster.routing.routes import Anywhere, ToSlot, route
from anyredis.exceptions import CrossSlotError, DataValueError
from anyredis.facts.key_positions import REGISTERED_FINDERS, key_positions
from anyredis.facts.table import REGISTERED_READS, only_reads
from anyredis.registration import register_command
from anyredis.wire.encode import Value


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is not known to others."""
    finders, reads = dict(REGISTERED_FINDERS), set(REGISTERED_READS)
    monkeypatch.setattr(registration, "_REGISTERED", {})
    yield
    REGISTERED_FINDERS.clear()
    REGISTERED_FINDERS.update(finders)
    REGISTERED_READS.clear()
    REGISTERED_READS.update(reads)


def test_an_unknown_command_has_no_known_keys() -> None:
    """A cluster refuses it then, and it counts as a write."""
    assert key_positions((b"MY.ADD", "k")) is None
    assert not only_reads((b"MY.ADD", "k"))
    with pytest.raises(DataValueError, match=r"MY\.ADD is not known here"):
        route((b"MY.ADD", "k"))


def test_a_command_has_one_key_if_nothing_else_is_said() -> None:
    """The first argument, in upper or lower case of the name; it counts as a write."""
    register_command("my.add")
    assert list(key_positions((b"MY.ADD", "k", 1)) or ()) == [1]
    assert list(key_positions((b"my.add", "k", 1)) or ()) == [1]
    assert route((b"MY.ADD", "foo", 1)) == ToSlot(12182, reads=False)
    with pytest.raises(DataValueError, match=r"MY\.ADD needs a key"):
        route((b"MY.ADD",))


def test_what_only_reads_may_be_sent_again_and_to_replicas() -> None:
    """With keys to a replica of theirs, without to any node."""
    register_command("MY.GET", read_only=True)
    register_command("MY.TIME", first_key=0, read_only=True)
    assert only_reads((b"MY.GET", "foo"))
    assert route((b"MY.GET", "foo")) == ToSlot(12182, reads=True)
    assert route((b"MY.TIME",)) == Anywhere()


def test_a_write_without_keys_is_for_a_node_that_the_user_names() -> None:
    """As with the commands of the server."""
    register_command("MY.FLUSH", first_key=0)
    with pytest.raises(DataValueError, match=r"MY\.FLUSH concerns one node"):
        route((b"MY.FLUSH",))


@pytest.mark.parametrize(
    ("said", "args", "keys"),
    [
        ({"first_key": 2}, (b"X", "o", "k", "k"), [2]),
        ({"first_key": 1, "last_key": 2}, (b"X", "k", "k", "v"), [1, 2]),
        ({"first_key": 1, "last_key": 3, "key_step": 2}, (b"X", "k", "v", "k", "v"), [1, 3]),
        ({"first_key": 1, "last_key": -1}, (b"X", "k", "k", "k"), [1, 2, 3]),
        ({"first_key": 1, "last_key": -2}, (b"X", "k", "k", 0), [1, 2]),
        ({"first_key": 1, "last_key": -1, "key_step": 2}, (b"X", "k", 1, "k", 2), [1, 3]),
        ({"first_key": 0}, (b"X", "a"), []),
        ({"numkeys": 1}, (b"X", 2, "k", "k", "v"), [2, 3]),
        ({"numkeys": 2}, (b"X", "o", 0, "v"), []),
    ],
)
def test_keys_stand_where_the_server_says(
    said: dict[str, Any], args: tuple[Value, ...], keys: list[int]
) -> None:
    """First, last and step are those of COMMAND INFO; or an argument says how many there are."""
    register_command("X", **said)
    assert list(key_positions(args) or ()) == keys


def test_keys_in_several_slots_are_refused() -> None:
    """Nobody has said how such a command is split."""
    register_command("MY.GETALL", last_key=-1, read_only=True)
    with pytest.raises(CrossSlotError, match=r"MY\.GETALL was not sent"):
        route((b"MY.GETALL", "foo", "bar"))


@pytest.mark.parametrize("name", ["GET", "mget", "PING", "OBJECT", "SUBSCRIBE", "FLUSHALL"])
def test_what_is_known_is_not_changed(name: str) -> None:
    """A command of the servers is refused."""
    with pytest.raises(DataValueError, match="is known already"):
        register_command(name)


def test_the_same_may_be_said_twice() -> None:
    """Something else may not."""
    register_command("MY.ADD", first_key=2)
    register_command("my.add", first_key=2)
    with pytest.raises(DataValueError, match=r"MY\.ADD is known already"):
        register_command("MY.ADD")


@pytest.mark.parametrize("name", ["", "TWO WORDS", " X"])
def test_a_name_is_one_word(name: str) -> None:
    """No other is looked up."""
    with pytest.raises(DataValueError, match="is no name of a command"):
        register_command(name)


def test_positions_that_make_no_sense() -> None:
    """They are refused, and the name stays unknown."""
    with pytest.raises(DataValueError, match="first_key=2, last_key=1, key_step=1"):
        register_command("X", first_key=2, last_key=1)
    with pytest.raises(DataValueError, match="key_step=0"):
        register_command("X", key_step=0)
    with pytest.raises(DataValueError, match="first_key=-1"):
        register_command("X", first_key=-1)
    with pytest.raises(DataValueError, match="numkeys=0"):
        register_command("X", numkeys=0)
    assert key_positions((b"X", "k")) is None
