"""Names of commands in the text of tables, and in lookups."""

from __future__ import annotations

import pytest

from anyredis.facts.names import each, names, word
from anyredis.wire.encode import Value


def test_names_of_a_block() -> None:
    """White space separates them, and a subcommand follows after a space."""
    assert names(b"GET\n  OBJECT|ENCODING ") == {b"GET", b"OBJECT ENCODING"}


def test_a_fact_for_each_name() -> None:
    """Every name of the block has the same fact."""
    assert each(b"GET CONFIG|SET", 7) == {b"GET": 7, b"CONFIG SET": 7}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("get", b"GET"),
        (b"Get", b"GET"),
        (bytearray(b"get"), b"GET"),
        (memoryview(b"get"), b"GET"),
        (7, b"7"),
        ("\udc80", b"?"),
        ("straße", "STRAßE".encode()),
    ],
)
def test_a_word_as_the_server_compares_it(value: Value, read: bytes) -> None:
    """It is in upper case, but only the letters of ASCII are changed."""
    assert word(value) == read
