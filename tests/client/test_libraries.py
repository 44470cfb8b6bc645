"""Libraries as objects: typed methods, and a load where a function is missing."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import pytest

from anyredis import (
    DataError,
    DataTypeError,
    DataValueError,
    Executor,
    Key,
    Library,
    ProtocolError,
    Redis,
    ResponseError,
    library_function,
)
from anyredis.exceptions import from_server
from anyredis.server import Server
from anyredis.testing import FakeServer
from tests.client.scripted import LIBRARY
from tests.client.test_scripts import names, taught


class Sums(Library):
    """Numbers that grow."""

    code = LIBRARY

    @library_function("add")
    async def add(self, client: Executor, key: Key, amount: int) -> int:
        """The sum."""
        raise NotImplementedError

    @library_function("look", read_only=True)
    async def look(self, client: Executor, key: Key) -> str | None:
        """The value."""
        raise NotImplementedError

    @library_function("look", read_only=True)
    async def number(self, client: Executor, key: Key) -> list[int]:
        """A wrong type."""
        raise NotImplementedError


async def test_loaded_when_it_is_missing() -> None:
    """The first call loads the library and is sent once more; later ones are one command."""
    server, sums = taught(), Sums()
    assert (sums.name, repr(sums)) == ("sums", "<Sums sums>")
    async with server.client(decode_responses=True) as client:
        assert [await sums.add(client, "n", 2), await sums.add(client, "n", amount=3)] == [2, 5]
        assert await sums.look(client, "n") == "5"
        async with client.session() as session:
            assert await sums.add(session, "n", 1) == 6
    assert names(server) == ["FCALL", "FUNCTION", "FCALL", "FCALL", "FCALL_RO", "FCALL"]
    assert sums.add.__doc__ == "The sum."


async def test_loaded_in_place_of_an_old_one() -> None:
    """A library of the same name that lacks the function is replaced."""
    server, sums = taught(), Sums()
    async with server.client() as client:
        await client.function_load("#!lua name=sums\nredis.register_function('old', f)")
        assert await sums.add(client, "n", 2) == 2
        (found,) = await client.function_list()
        assert [each.name for each in found.functions] == ["add", "look"]


async def test_load() -> None:
    """`load` replaces the library, as often as it is called."""
    server, sums = taught(), Sums()
    async with server.client() as client:
        await sums.load(client)
        await sums.load(client)
        assert await sums.add(client, "n", 2) == 2
    assert server.received[-2] == (b"FUNCTION", b"LOAD", b"REPLACE", LIBRARY.encode())
    assert server.count("FUNCTION") == 2


async def test_in_a_pipeline() -> None:
    """A pipeline gives a `Result`, and loads nothing."""
    server, sums = taught(), Sums()
    async with server.client(decode_responses=True) as client:
        pipe = client.pipeline(raise_on_error=False)
        missing = sums.add(pipe, "n", 1)
        await pipe.execute()
        assert str(missing.error) == "ERR Function not found"
        await sums.load(client)
        async with client.pipeline() as pipe:
            added, looked = sums.add(pipe, "n", 1), sums.look(pipe, "n")
        assert (added.value, looked.value) == (1, "1")


async def test_errors_of_a_function() -> None:
    """An error of the function is raised as it is, after one run (G11)."""
    server, sums = taught(), Sums()
    runs: list[int] = []

    def fail(script: object) -> Any:
        runs.append(1)
        return from_server("ERR Function not found in my head")

    server.function("add", fail)
    async with server.client() as client:
        await sums.load(client)
        with pytest.raises(ResponseError, match="in my head"):
            await sums.add(client, "n", 1)
    assert runs == [1]


async def test_a_function_that_makes_that_very_error() -> None:
    """A library whose code has the servers' words is not loaded by itself (G11)."""

    class Odd(Sums):
        code = LIBRARY + "-- redis.error_reply('ERR Function not found')\n"

    server, odd = taught(), Odd()
    runs: list[int] = []

    def fail(script: object) -> Any:
        runs.append(1)
        return from_server("ERR Function not found")

    server.function("add", fail)
    async with server.client() as client:
        await odd.load(client)
        with pytest.raises(ResponseError, match="Function not found"):
            await odd.add(client, "n", 1)
    assert runs == [1]


async def test_still_missing_after_the_load() -> None:
    """A function that the library does not register is an error, after one load."""

    class Lacking(Library):
        code = "#!lua name=lacking\nredis.register_function('other', f)"

        @library_function("missing")
        async def missing(self, client: Executor) -> int:
            raise NotImplementedError

    server = FakeServer()
    async with server.client() as client:
        with pytest.raises(ResponseError, match="Function not found"):
            await Lacking().missing(client)
    assert names(server) == ["FCALL", "FUNCTION", "FCALL"]


async def test_other_replies() -> None:
    """A reply that is not what the annotation says is a `ProtocolError`."""
    server, sums = taught(), Sums()
    async with server.client() as client:
        with pytest.raises(ProtocolError, match="an array was expected"):
            await sums.number(client, "n")


async def test_mistakes() -> None:
    """Code without a name, a wrong client and wrong arguments are refused before anything is sent."""

    class Nameless(Library):
        code: ClassVar[str | bytes] = "return 1"

    with pytest.raises(DataValueError, match=r"Nameless\.code has to begin with a line `#!lua"):
        Nameless()
    server, sums = taught(), Sums()
    async with server.client() as client:
        with pytest.raises(DataTypeError, match=r"Sums\.load takes a client or a session, not"):
            await sums.load(cast("Any", client.pipeline()))
        with pytest.raises(DataTypeError, match="takes a client, a session or a pipeline first"):
            cast("Any", sums.add)("n", 1)
        with pytest.raises(DataTypeError, match=r"form is \(client, key, amount\)"):
            cast("Any", sums.add)(client, "n")
        for key, amount in (("n", 1.5), ("n", None), (1, 1), (None, 1)):
            with pytest.raises(DataError):
                cast("Any", sums.add)(client, key, amount)
    assert names(server) == []
    with pytest.raises(DataTypeError, match="read_only is 1"):
        library_function("f", read_only=cast("Any", 1))(Sums.add.__wrapped__)


@pytest.mark.parametrize("name", ["valkey", "redis8"])
async def test_on_real_servers(name: str, request: pytest.FixtureRequest) -> None:
    """The library is loaded, called, and in a pipeline, on each server."""
    server: Server = request.getfixturevalue(name)
    sums = Sums()
    async with Redis(server.host, server.port, decode_responses=True) as client:
        await client.function_flush()
        assert await sums.look(client, "n") is None
        await client.function_flush()
        assert await sums.add(client, "n", 2) == 2
        async with client.pipeline() as pipe:
            added, looked = sums.add(pipe, "n", 1), sums.look(pipe, "n")
        assert (added.value, looked.value) == (3, "3")
        await client.function_flush()
