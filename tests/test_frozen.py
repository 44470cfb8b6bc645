"""Tests of `anyredis.frozen`: the base of values that do not change."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

from anyredis import Backoff, Credentials, Retry, TCPAddress, UnixAddress
from anyredis.frozen import Frozen


def half() -> float:
    """A number for delays, by a function that can be pickled."""
    return 0.5


VALUES: tuple[Frozen, ...] = (
    Backoff(cap=1.0, random=half),
    Credentials("me", "secret"),
    Retry(attempts=2, backoff=Backoff(random=half)),
    TCPAddress("localhost", 6379),
    UnixAddress("/run/redis.sock"),
)


class Named(TCPAddress):
    """A value with one attribute more than its base."""

    __slots__ = ("name",)

    def __init__(self, host: str, port: int, name: str) -> None:
        super().__init__(host, port)
        self.name = name


class Plain(TCPAddress):
    """A value with the attributes of its base."""


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_does_not_change(value: Frozen) -> None:
    """No attribute is set again or deleted, and none is added."""
    before = repr(value)
    name = before.partition("(")[2].partition("=")[0]
    with pytest.raises(AttributeError, match=f"does not change.*{name}"):
        setattr(value, name, 1)
    with pytest.raises(AttributeError, match=f"does not change: {name} stays"):
        delattr(value, name)
    with pytest.raises(AttributeError):
        setattr(value, "another", 1)  # noqa: B010 - no checker accepts it as a statement
    assert repr(value) == before


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_copy_is_equal(value: Frozen) -> None:
    """A copy, shallow, deep or pickled, equals the value and has its hash."""
    for each in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert each == value
        assert hash(each) == hash(value)
        assert type(each) is type(value)


def test_equality_is_by_class_and_attributes() -> None:
    """Values are equal if class and all attributes are, those of a base class among them."""
    address = TCPAddress("h", 1)
    assert address == TCPAddress("h", 1)
    assert {address, TCPAddress("h", 1)} == {address}
    assert address not in (TCPAddress("h", 2), TCPAddress("g", 1), ("h", 1), Plain("h", 1))
    assert Plain("h", 1) == Plain("h", 1)
    assert Named("h", 1, "a") == Named("h", 1, "a")
    assert Named("h", 1, "a") not in (Named("h", 1, "b"), Named("h", 2, "a"))


def test_the_repr_shows_all_but_what_is_left_out() -> None:
    """The `repr` has each attribute by name; a password is none of them."""
    assert repr(TCPAddress("h", 1)) == "TCPAddress(host='h', port=1)"
    assert repr(Named("h", 1, "a")) == "Named(host='h', port=1, name='a')"
    assert repr(Credentials("me", "secret")) == "Credentials(username='me')"
    assert repr(Backoff()) == "Backoff(base=0.008, cap=0.5)"


GENERATED = """
import dataclasses, linecache

made = []
process_class = dataclasses._process_class

def noting(cls, *options):
    made.append(f"{cls.__module__}.{cls.__qualname__}")
    return process_class(cls, *options)

dataclasses._process_class = noting
import anyredis
made += [file for file in linecache.cache if file.startswith("<anyredis command")]
print([name for name in made if "anyredis" in name])
"""


def test_the_import_generates_no_code() -> None:
    """`import anyredis` makes no dataclass and no command's function: both are compiled from text."""
    done = subprocess.run([sys.executable, "-c", GENERATED], check=True, capture_output=True)
    assert done.stdout.split() == [b"[]"]
