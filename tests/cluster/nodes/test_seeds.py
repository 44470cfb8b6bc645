"""Tests of `anyredis.cluster.nodes.seeds`: the nodes that the user names."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import DataError
from anyredis.address import TCPAddress
from anyredis.cluster.nodes.seeds import node_address, seeds_of

LOCAL = TCPAddress("localhost", 6379)


def test_the_default_host_is_for_when_there_is_no_other() -> None:
    """Nothing named: localhost; startup nodes only: these; both: both, each once."""
    assert seeds_of(None, 6379, ()) == (LOCAL,)
    assert seeds_of(None, 7000, ()) == (TCPAddress("localhost", 7000),)
    assert seeds_of(None, 6379, ["a:1", ("b", 2)]) == (TCPAddress("a", 1), TCPAddress("b", 2))
    assert seeds_of("a", 1, ["b:2", "a:1"]) == (TCPAddress("a", 1), TCPAddress("b", 2))


@pytest.mark.parametrize("name", [TCPAddress("::1", 7000), ("::1", 7000), "[::1]:7000", "::1:7000"])
def test_how_a_node_is_written(name: Any) -> None:
    """An address, a pair, or host:port, an IPv6 address with brackets or without."""
    assert node_address(name) == TCPAddress("::1", 7000)


@pytest.mark.parametrize("name", ["host", ":1", "host:", "host:x", 5, ("a",), (1, 2), None, b"h:1"])
def test_what_is_no_node(name: Any) -> None:
    """It is refused at once, by name."""
    with pytest.raises(DataError):
        node_address(name)


def test_one_string_is_no_list_of_nodes() -> None:
    """Its letters are not nodes."""
    with pytest.raises(DataError, match="has to be a list of nodes"):
        seeds_of(None, 6379, "a:1")
