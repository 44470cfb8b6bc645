"""Tests of `anyredis.sentinel.sentinel_connection`: questions to sentinels, and their news."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest

from anyredis import (
    AuthenticationError,
    Connection,
    ConnectionError,
    DataError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TCPAddress,
)
from anyredis.exceptions import from_server
from anyredis.sentinel import sentinel_connection
from anyredis.sentinel.sentinel_connection import Sentinels, sentinel_address, take_sentinels
from anyredis.testing import Answer, silent
from tests.contract.steps import counting, kinds
from tests.sentinels import (
    NAME,
    S1,
    S2,
    S3,
    A,
    B,
    C,
    World,
    described,
    speak_resp2,
    three_sentinels,
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Where the servers are."""
    return World(monkeypatch)


# -- addresses and options ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (TCPAddress("h", 1), TCPAddress("h", 1)),
        (("h", 1), TCPAddress("h", 1)),
        ("h:1", TCPAddress("h", 1)),
        ("h", TCPAddress("h", 26379)),
        ("[::1]:5", TCPAddress("::1", 5)),
    ],
)
def test_ways_to_write_a_sentinel(given: Any, address: TCPAddress) -> None:
    """A sentinel is a `TCPAddress`, a pair or `host:port`."""
    assert sentinel_address(given) == address


@pytest.mark.parametrize("given", ["", "a,b", "h:port", 26379, None, ("h",), b"h:1"])
def test_what_is_no_sentinel(given: Any) -> None:
    """Anything else is refused at once."""
    with pytest.raises(DataError):
        sentinel_address(given)


@pytest.mark.parametrize(
    ("addresses", "options", "message"),
    [
        ([], {}, "sentinels is empty"),
        ("h:1", {}, "sentinels has to be a list"),
        ([("h", 0)], {}, "the port of the sentinel 'h' has to be from 1"),
        (["h:1", ("h", "2")], {}, "the port of the sentinel 'h' has to be an int"),
        (["h:1"], {"sentinel_timeout": 0}, "^sentinel_timeout has to be more than 0"),
        (["h:1"], {"sentinel_ssl_ca_certs": "x"}, "for the sentinels: ssl_ca_certs is given, but"),
        (["h:0"], {}, "port has to be a number from 1"),
        ([TCPAddress("h", 65536)], {}, "the port of the sentinel 'h' has to be from 1 to 65535"),
        ([("h", 1, 2)], {}, "a sentinel is a TCPAddress"),
        (["h:1"], {"address_remap": {}}, "address_remap has to be a function"),
    ],
)
def test_what_makes_no_sense(addresses: Any, options: dict[str, Any], message: str) -> None:
    """An error about the sentinels says so, and comes at once."""
    with pytest.raises(DataError, match=message):
        Sentinels(addresses, **options)


def test_their_options_are_theirs() -> None:
    """What begins with `sentinel_` is taken out, and all else is left (G15: TLS and passwords)."""
    arguments: dict[str, Any] = {"password": "data", "ssl": True, "sentinel_password": "s3cret"}
    connection = take_sentinels(["h:1"], arguments).connection_to(TCPAddress("h", 1))
    assert arguments == {"password": "data", "ssl": True}
    assert connection._credentials == Connection(password="s3cret")._credentials
    assert connection._ssl_context is None
    assert "s3cret" not in repr(take_sentinels(["h:1"], {"sentinel_password": "s3cret"}))
    assert (
        take_sentinels(["h:1"], {"sentinel_ssl": True}).connection_to(S1)._ssl_context is not None
    )


def test_each_once() -> None:
    """An address that is given twice is asked once."""
    assert Sentinels([S1, "10.0.0.9:26001", S2]).addresses == (S1, S2)


# -- questions ------------------------------------------------------------------------------------


async def test_the_first_who_answers_is_enough(world: World) -> None:
    """All are asked at the same time; one that is late or silent costs nothing."""
    first, second, third = three_sentinels(world)
    first.on("SENTINEL", silent)
    second.on("*", silent)
    with anyio.fail_after(5):
        assert await Sentinels([S1, S2, S3], sentinel_timeout=60).primary(NAME) == A
    assert third.count("SENTINEL") == 1
    assert world.peers == [], "a connection outlived the question"


async def test_another_answer_than_those_to_avoid(world: World) -> None:
    """What is to be avoided is taken only where no sentinel names another."""
    world.sentinel(S1, A)
    world.sentinel(S2, A)
    world.sentinel(S3, B)
    sentinels = Sentinels([S1, S2, S3])
    assert await sentinels.primary(NAME, {A}) == B
    assert await sentinels.primary(NAME, {A, B}) in {A, B}


async def test_no_answer_at_all(world: World) -> None:
    """One error names every sentinel, and why it is of no use."""
    world.sentinel(S2, A).on("SENTINEL", silent)
    world.sentinel(S3, A).on("HELLO", from_server("WRONGPASS invalid username-password pair"))
    with pytest.raises(ConnectionError) as caught:
        await Sentinels([S1, S2, S3], sentinel_password="hunter2", sentinel_timeout=0.05).primary(
            NAME
        )
    assert type(caught.value) is ConnectionError
    text = str(caught.value)
    assert "no sentinel answers" in text
    assert "10.0.0.9:26001: Connection refused" in text
    assert "10.0.0.9:26002 within 0.05 s" in text
    assert "log in to 10.0.0.9:26003: WRONGPASS" in text
    assert "hunter2" not in text


async def test_no_sentinel_accepts_the_credentials(world: World) -> None:
    """Where it is the credentials everywhere, the error is an `AuthenticationError`."""
    refusal = from_server("NOAUTH HELLO must be called with the client already authenticated")
    for sentinel in three_sentinels(world):
        sentinel.on("HELLO", refusal)
    with pytest.raises(AuthenticationError, match=r"26001.*26002.*26003"):
        await Sentinels([S1, S2, S3]).primary(NAME)


async def test_an_unknown_name(world: World) -> None:
    """The error says so, for a primary and for replicas, and tells of the others."""
    three_sentinels(world)
    for ask in (Sentinels([S1, S2]).primary, Sentinels([S1, S2]).replicas):
        with pytest.raises(
            ConnectionError, match=r"no sentinel knows 'other'.*26001 knows no 'oth"
        ):
            await ask("other")


async def test_a_name_that_one_knows(world: World) -> None:
    """Sentinels that do not know the name do not matter, if one does."""
    world.sentinel(S1, None)
    world.sentinel(S2, A, B)
    world.sentinel(S3, None)
    assert await Sentinels([S1, S2, S3]).primary(NAME) == A
    assert await Sentinels([S1, S2, S3]).replicas(NAME) == (B,)


@pytest.mark.parametrize(
    "lie",
    [
        "OK",
        [b"host"],
        [b"host", b"port"],
        [b"host", b"0"],
        [b"host", b"70000"],
        [b"", b"1"],
        [1, 2],
        5,
        [{b"flags": b"slave"}],
        from_server("ERR no"),
        from_server("NOAUTH Authentication required."),
    ],
)
async def test_answers_that_are_none(world: World, lie: Answer) -> None:
    """A sentinel that talks nonsense is like one that does not answer; its address is told."""
    world.sentinel(S1, A).on("SENTINEL", lie)
    for ask in (Sentinels([S1]).primary, Sentinels([S1]).replicas):
        with pytest.raises(ConnectionError, match=r"no sentinel answers.*10.0.0.9:26001"):
            await ask(NAME)
    world.sentinel(S2, A)
    assert await Sentinels([S1, S2]).primary(NAME) == A


NONE = set[TCPAddress]()


@pytest.mark.parametrize(
    ("told", "usable"),
    [
        ([described(B), described(C)], {B, C}),
        ([described(B, "slave,s_down"), described(C)], {C}),
        ([described(B, "slave,disconnected"), described(C, "slave,o_down,s_down")], NONE),
        ([described(B, link="err"), described(C)], {C}),
        ([described(B, link="err")], {B}),
        ([], NONE),
    ],
)
async def test_replicas_that_can_be_used(
    world: World, told: list[Answer], usable: set[TCPAddress]
) -> None:
    """Replicas that are down are left out, and late ones where others are not."""
    world.sentinel(S1, A).replicas = told  # type: ignore[assignment]
    assert set(await Sentinels([S1]).replicas(NAME)) == usable


async def test_old_sentinels(world: World) -> None:
    """Sentinels that only speak RESP2 are asked alike."""
    speak_resp2(world.sentinel(S1, A, B))
    sentinels = Sentinels([S1])
    assert await sentinels.primary(NAME) == A
    assert await sentinels.replicas(NAME) == (B,)


@pytest.mark.parametrize("question", ["primary", "replicas"])
async def test_a_question_cancelled_everywhere(world: World, question: str) -> None:
    """Wherever a question is cancelled, nothing stays open (G8)."""
    three_sentinels(world, B)
    sentinels = Sentinels([S1, S2, S3])
    ask = partial(getattr(sentinels, question), NAME)
    cases = 0
    with counting() as steps:
        for kind in kinds():
            while True:
                ended = await steps.run(ask, kind, cases)
                assert world.peers == []
                cases += 1
                if not ended.reached:
                    break
    assert cases >= 3


# -- news -----------------------------------------------------------------------------------------


async def heard_from(world: World, *, news: list[str]) -> RedisError:
    """Listen to S1 until that ends, which is the answer; *news* grows."""
    connection = Sentinels([S1], sentinel_timeout=0.05).connection_to(S1)
    with pytest.raises(RedisError) as caught:
        await connection.listen("+switch-master", news.append)
    assert world.peers == []
    return caught.value


@pytest.mark.parametrize("resp2", [False, True])
async def test_news(world: World, resp2: bool) -> None:
    """Every message is heard, in RESP2 and RESP3."""
    sentinel = world.sentinel(S1, A)
    if resp2:
        speak_resp2(sentinel)
    news: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(heard_from, world, news=news))
        await sentinel.wait_for("SUBSCRIBE")
        sentinel.switch(A, B)
        sentinel.announce("more")
        sentinel.listeners[0].half_close()
    assert news == ["mymaster 10.0.0.1 6001 10.0.0.1 6002", "more"]


@pytest.mark.parametrize("resp2", [False, True])
async def test_a_quiet_sentinel_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, resp2: bool
) -> None:
    """A sentinel without news is sent a PING now and then, and given up without an answer."""
    monkeypatch.setattr(sentinel_connection, "QUIET", 0.02)
    sentinel = world.sentinel(S1, A)
    if resp2:
        speak_resp2(sentinel)
    news: list[str] = []
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(heard_from, world, news=news))
            await sentinel.wait_for("PING", 4)  # the first is the question of the handshake
            sentinel.on("PING", silent)


async def test_news_that_is_refused(world: World) -> None:
    """A sentinel that allows no SUBSCRIBE is given up."""
    world.sentinel(S1, A).on("SUBSCRIBE", from_server("NOPERM no channels for you"))
    error = await heard_from(world, news=[])
    assert isinstance(error, NoPermissionError)
    assert isinstance(error, ResponseError)
    assert "10.0.0.9:26001" in str(error)


async def test_news_from_nowhere(world: World) -> None:
    """A sentinel that is not there is told as such."""
    assert "10.0.0.9:26001: Connection refused" in str(await heard_from(world, news=[]))


async def test_answers_behind_nat(world: World) -> None:
    """The addresses of primary and replicas are remapped; those of the sentinels are not."""
    world.sentinel(S1, A, B, C)
    outside = {(each.host, each.port): ("gate", each.port) for each in (A, B, C)}
    sentinels = Sentinels([S1], address_remap=outside.__getitem__)
    assert await sentinels.primary(NAME) == TCPAddress("gate", A.port)
    assert await sentinels.replicas(NAME) == tuple(TCPAddress("gate", e.port) for e in (B, C))


async def test_a_remap_that_fails(world: World) -> None:
    """The error names the sentinel and the address that it told."""
    world.sentinel(S1, A)
    table: dict[tuple[str, int], tuple[str, int]] = {}
    sentinels = Sentinels([S1], address_remap=table.__getitem__)
    with pytest.raises(ConnectionError, match=rf"{S1}: address_remap failed for {A}: KeyError"):
        await sentinels.primary(NAME)
