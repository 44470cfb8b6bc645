"""Tests of `anyredis.address`: the parts of a URL, and errors in one."""

from __future__ import annotations

import pytest

from anyredis import address
from anyredis.address import ServerURL, TCPAddress, UnixAddress, parse_hosts
from anyredis.exceptions import DataValueError
from anyredis.pool.standalone import url_parameters
from anyredis.sentinel.sentinel_connection import sentinel_parameters


def parse_url(url: str) -> ServerURL:
    """The parts of *url*, with the options of a pool and of sentinels."""
    return address.parse_url(url, url_parameters(), sentinel_parameters())


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("redis://", "localhost", 6379, False),
        ("redis://example.org", "example.org", 6379, False),
        ("valkey://example.org:7000", "example.org", 7000, False),
        ("rediss://example.org:7000", "example.org", 7000, True),
        ("valkeys://10.0.0.1", "10.0.0.1", 6379, True),
        ("REDIS://example.org/", "example.org", 6379, False),
        ("redis://[::1]:7000", "::1", 7000, False),
    ],
)
def test_tcp_urls(url: str, host: str, port: int, tls: bool) -> None:
    """Four schemes name a host and a port, two of them TLS; both have defaults."""
    parsed = parse_url(url)
    assert parsed.address == TCPAddress(host, port)
    assert parsed.tls is tls
    assert parsed.options == {}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("unix:///run/redis.sock", "/run/redis.sock"),
        ("unix:///run/a%20b.sock", "/run/a b.sock"),
        ("unix://relative.sock", "relative.sock"),
    ],
)
def test_unix_urls(url: str, path: str) -> None:
    """A Unix URL names a path, percent-decoded."""
    parsed = parse_url(url)
    assert parsed.address == UnixAddress(path)
    assert not parsed.tls


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("redis://a,b", [("a", 6379), ("b", 6379)]),
        ("redis://a:1,b:2/0", [("a", 1), ("b", 2)]),
        ("rediss://u:p@a:1,[::1]:2,[fe80::1]?db=0", [("a", 1), ("::1", 2), ("fe80::1", 6379)]),
        ("redis+sentinel://a,[::1]:2/name", [("a", 26379), ("::1", 2)]),
    ],
)
def test_several_hosts(url: str, hosts: list[tuple[str, int]]) -> None:
    """There may be several hosts with commas between them, IPv6 addresses in brackets."""
    parsed = parse_url(url)
    assert [(each.host, each.port) for each in parsed.hosts] == hosts
    assert parsed.hosts == (parsed.address, *parsed.others)


@pytest.mark.parametrize("url", ["redis://a,b", "redis+sentinel://a/name"])
def test_a_url_of_several_servers_has_no_single_one(url: str) -> None:
    """The error for several servers names the classes that take several hosts or sentinels."""
    with pytest.raises(DataValueError, match=r"RedisCluster\.from_url .* Sentinel\.from_url"):
        _ = parse_url(url).one_server
    assert parse_url("redis://a").one_server == TCPAddress("a", 6379)
    assert parse_url("unix:///s").hosts == ()


@pytest.mark.parametrize(
    ("url", "service", "tls", "options"),
    [
        ("redis+sentinel://a/name", "name", False, {}),
        ("valkey+sentinel:///my%2Fname/", "my/name", False, {}),
        ("rediss+sentinel://u:p@a,b/n/3", "n", True, {"username": "u", "password": "p", "db": 3}),
        ("valkeys+sentinel://a/n?db=2", "n", True, {"db": 2}),
        (
            (
                "redis+sentinel://a/n?sentinel_username=s&sentinel_password=t&sentinel_ssl=yes"
                "&sentinel_ssl_ca_certs=f&sentinel_timeout=0.5&ssl_ca_certs=g"
            ),
            "n",
            False,
            {
                "sentinel_username": "s",
                "sentinel_password": "t",
                "sentinel_ssl": True,
                "sentinel_ssl_ca_certs": "f",
                "sentinel_timeout": 0.5,
                "ssl_ca_certs": "g",
            },
        ),
    ],
)
def test_sentinel_urls(url: str, service: str, tls: bool, options: dict[str, object]) -> None:
    """A sentinel URL names the service, and has options for servers and for sentinels."""
    parsed = parse_url(url)
    assert parsed.service == service
    assert parsed.tls is tls
    assert parsed.options == options


def test_hosts_by_themselves() -> None:
    """A list of hosts outside a URL is read in the same way."""
    assert parse_hosts("A:1,[::1]:2", 9) == (TCPAddress("a", 1), TCPAddress("::1", 2))
    assert parse_hosts("", 9) == (TCPAddress("localhost", 9),)


def test_credentials_are_percent_decoded() -> None:
    """User and password may hold any character, percent-encoded."""
    parsed = parse_url("redis://us%40er:p%3Ass%2F%C3%A9@example.org")
    assert parsed.options == {"username": "us@er", "password": "p:ss/é"}


def test_a_password_without_a_user() -> None:
    """`redis://:password@host` is the default user's password."""
    assert parse_url("redis://:secret@example.org").options == {"password": "secret"}


def test_an_empty_password_is_one() -> None:
    """`user:@host` has an empty password, `user@host` has none."""
    assert parse_url("redis://u:@example.org").options == {"username": "u", "password": ""}
    assert parse_url("redis://u@example.org").options == {"username": "u"}


@pytest.mark.parametrize(
    "url", ["redis://h/3", "redis://h/3/", "redis://h?db=3", "redis://h/3?db=3", "unix:///s?db=3"]
)
def test_the_database(url: str) -> None:
    """The database is the path, or the parameter db, or both alike."""
    assert parse_url(url).options == {"db": 3}


def test_options_are_converted() -> None:
    """Query parameters are keyword arguments, each of its type."""
    parsed = parse_url(
        "redis://h?decode_responses=True&max_connections=7&connect_timeout=1.5&stream_timeout=none"
        "&client_name=a%20b&noevict=0&notouch=yes&ssl_check_hostname=false"
    )
    assert parsed.options == {
        "decode_responses": True,
        "max_connections": 7,
        "connect_timeout": 1.5,
        "stream_timeout": None,
        "client_name": "a b",
        "noevict": False,
        "notouch": True,
        "ssl_check_hostname": False,
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.org", "has to start with one of .*redis://.*not 'http'"),
        ("example.org:6379", "has to start with one of"),
        ("redis://h:port", "port .* number from 1 to 65535"),
        ("redis://h:70000", "port .* number from 1 to 65535"),
        ("redis://h/one", "database number, not 'one'"),
        ("redis://h/-1", "database number, not '-1'"),
        ("redis://h/1?db=2", "names two databases: /1 and \\?db=2"),
        ("redis://h:0", "port .* number from 1 to 65535"),
        ("redis://h:" + "9" * 5000, "port .* number from 1 to 65535"),
        ("redis://h/" + "9" * 5000, "database number"),
        ("redis://h/\u0663", "database number"),
        ("redis://h?db=1_0", "'db' has to be a whole number"),
        ("redis://h?db=\u0663", "'db' has to be a whole number"),
        ("redis://h?db=" + "9" * 5000, "'db' has to be a whole number"),
        ("redis://h?stream_timeout=1_0", "'stream_timeout' has to be a number of seconds"),
        ("redis://h?ssl_min_version=TLSv9", "'ssl_min_version' has to be one of .*TLSv1_3"),
        ("redis://h?dbb=2", "unknown parameter 'dbb': did you mean db="),
        ("redis://h?db=one", "'db' has to be a whole number, not 'one'"),
        ("redis://h?db=", "'db' has to be a whole number, not ''"),
        ("redis://h?connect_timeout=soon", "'connect_timeout' .* number of seconds, not 'soon'"),
        ("redis://h?stream_timeout=soon", "'stream_timeout' .* seconds, or none, not 'soon'"),
        ("redis://h?noevict=maybe", "'noevict' has to be true or false, not 'maybe'"),
        ("redis://h?protocol=2&protocol=3", "'protocol' twice"),
        ("unix://", "no path: write unix:///path"),
        ("redis://a,,b", "host is missing between the commas"),
        ("redis://a,b,", "host is missing between the commas"),
        ("redis://a:1,b:x", "port .* number from 1 to 65535"),
        ("redis://::1", "IPv6 address belongs in brackets"),
        ("redis://a,::1", "IPv6 address belongs in brackets"),
        ("redis://[::1", "IPv6 address belongs in brackets"),
        ("redis://[::1]6379", "IPv6 address belongs in brackets"),
        ("redis://[]:1", "IPv6 address belongs in brackets"),
        ("redis://a[:1", "IPv6 address belongs in brackets"),
        ("redis+sentinel://a", "no name of a primary: write"),
        ("redis+sentinel://a/name/db", "database number, not 'db'"),
        ("redis+sentinel://a/name?sentinel_ssl=maybe", "'sentinel_ssl' has to be true or false"),
        ("redis://a?sentinel_password=x", "unknown parameter 'sentinel_password'"),
    ],
)
def test_the_wrong_part_is_named(url: str, message: str) -> None:
    """An error names the wrong part of the URL, and a valid form."""
    with pytest.raises(DataValueError, match=message):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:hunter2@h:port",
        "redis://u:hunter2@h/one",
        "redis://u:hunter2@h?dbb=1",
        "http://u:hunter2@h",
        "redis://h?password=hunter2&password=hunter2",
        "redis://u:hunter2/x@h",
        "redis+sentinel://h/n?sentinel_password=hunter2&sentinel_password=hunter2",
        "redis+sentinel://u:hunter2@h",
    ],
)
def test_no_message_shows_the_password(url: str) -> None:
    """An error about a URL does not repeat its password (G15)."""
    with pytest.raises(DataValueError) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


def test_no_repr_shows_the_password() -> None:
    """A parsed URL does not show its password (G15)."""
    assert "hunter2" not in repr(parse_url("redis://u:hunter2@h"))
    assert "hunter2" not in repr(parse_url("redis+sentinel://h/n?sentinel_password=hunter2"))


def test_addresses_as_text() -> None:
    """The text of an address is that of URLs, IPv6 in brackets."""
    assert str(TCPAddress("example.org", 7000)) == "example.org:7000"
    assert str(TCPAddress("::1", 7000)) == "[::1]:7000"
    assert str(UnixAddress("/run/redis.sock")) == "/run/redis.sock"


@pytest.mark.parametrize("digits", ["9" * 5000, "65536", "٣", "-1", "+1", "1_0"])
def test_a_number_that_is_no_port(digits: str) -> None:
    """It is a `DataValueError`, also if it has thousands of digits."""
    for url in (f"redis://h:{digits}", f"redis://h,i:{digits}", f"redis+sentinel://h:{digits}/n"):
        with pytest.raises(DataValueError, match="number from 1 to 65535"):
            parse_url(url)
    if len(digits) > 10:
        for url in (f"redis://h/{digits}", f"redis://h?db={digits}"):
            with pytest.raises(DataValueError, match="number"):
                parse_url(url)
