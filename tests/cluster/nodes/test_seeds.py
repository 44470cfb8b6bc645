"""Tests of `anyredis.cluster.nodes.seeds`: the nodes that the user names."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis import DataError, ReadFrom
from anyredis.address import TCPAddress
from anyredis.cluster.nodes.seeds import node_address, options_of_url, seeds_of

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


def test_a_url_with_several_hosts() -> None:
    """All of them are asked; TLS and options are for all."""
    options = options_of_url("rediss://a:1,b:2?max_connections=5&read_from=any&readonly=true")
    assert options["startup_nodes"] == (TCPAddress("a", 1), TCPAddress("b", 2))
    assert (options["ssl"], options["max_connections"]) == (True, 5)
    assert options["read_from"] is ReadFrom.ANY


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("unix:///tmp/socket", "over TCP"),
        ("redis+sentinel://a:1/name", "sentinels"),
        ("redis://a:1?read_from=far", "one of replicas, any, nearest, zone, not 'far'"),
    ],
)
def test_a_url_that_names_no_cluster(url: str, why: str) -> None:
    """It is refused, and says why."""
    with pytest.raises(DataError, match=why):
        options_of_url(url)
