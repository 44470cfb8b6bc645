"""Tests of `anyredis.client.server_cursor`: a cursor that its block closes, and that loses no row."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator
from typing import cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from anyredis import Redis
from anyredis.client.server_cursor import ServerCursor
from anyredis.exceptions import ConnectionError, DataTypeError, ResponseError, SearchQueryError
from anyredis.testing import NOTHING, Answer, FakePeer, FakeServer, Words, silent
from tests.contract.steps import counting, kinds

ROWS = 7
PAGE = 2
ALL = [{b"n": b"%d" % number} for number in range(ROWS)]


class Cursors:
    """Cursors of a fake server, each over the same rows."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.server.on("FT.AGGREGATE", self.aggregate)
        self.server.on("FT.CURSOR", self.cursor)
        self.open: dict[int, int] = {}
        """The rows that each open cursor has given."""
        self._numbers = itertools.count(1)

    def aggregate(self, _peer: FakePeer, _words: Words) -> Answer:
        """A new cursor, and its first page."""
        number = next(self._numbers)
        self.open[number] = 0
        return self.page(number)

    def cursor(self, _peer: FakePeer, words: Words) -> Answer:
        """The next page of a cursor, or its end."""
        number = int(words[3])
        if number not in self.open:
            return ResponseError("Cursor not found")
        if words[1] == b"READ":
            return self.page(number)
        del self.open[number]
        return "OK"

    def page(self, number: int) -> Answer:
        """The next page."""
        first = self.open[number]
        rows = [[b"n", b"%d" % each] for each in range(first, min(first + PAGE, ROWS))]
        self.open[number] = first + PAGE
        if first + PAGE < ROWS:
            return [[1, *rows], number]
        del self.open[number]
        return [[1, *rows], 0]


@pytest.fixture
def cursors() -> Cursors:
    """A fake server with cursors."""
    return Cursors()


@pytest.fixture
async def client(cursors: Cursors) -> AsyncIterator[Redis[bytes]]:
    """A client of it."""
    async with cursors.server.client() as client:
        yield client


async def test_all_rows(cursors: Cursors, client: Redis[bytes]) -> None:
    """They come page by page, and a cursor at its end is not closed."""
    async with client.ft.aggregate_iter("i", "*", count=PAGE) as rows:
        assert [row async for row in rows] == ALL
        assert [row async for row in rows] == []
    assert cursors.server.count("FT.CURSOR") == 3


async def test_leaving_early(cursors: Cursors, client: Redis[bytes]) -> None:
    """The cursor is closed, by `break` and by an exception, which leaves as itself (G14)."""
    async with client.ft.aggregate_iter("i", "*") as rows:
        assert await anext(rows) == ALL[0]
        assert len(cursors.open) == 1
    assert cursors.open == {}
    with pytest.raises(KeyError, match="mine"):
        async with client.ft.aggregate_iter("i", "*"):
            raise KeyError("mine")
    assert cursors.open == {}


async def test_several_readers(client: Redis[bytes]) -> None:
    """Each row goes to one of them."""
    seen: list[dict[bytes, object]] = []

    async def read() -> None:
        async for row in rows:
            seen.append(row)
            await checkpoint()

    async with client.ft.aggregate_iter("i", "*") as rows, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(read)
    assert sorted(row[b"n"] for row in seen) == [row[b"n"] for row in ALL]  # type: ignore[type-var]


async def test_a_cancelled_reader_loses_no_row() -> None:
    """Cancelled at any step, `anext` leaves each row for the next call (G10)."""
    scopes = [anyio.CancelScope()]

    async def read_all() -> None:
        async with (
            Cursors().server.client() as client,
            client.ft.aggregate_iter("i", "*") as rows,
        ):
            while True:
                with anyio.CancelScope() as scopes[0]:
                    try:
                        seen.append(await anext(rows))
                    except StopAsyncIteration:
                        return

    at = 0
    with counting() as steps:
        for at in itertools.count():
            seen: list[dict[bytes, object]] = []
            ended = await steps.run(read_all, "loss", at, lambda: scopes[0].cancel())  # noqa: PLW0108 - the scope of that moment
            assert seen == ALL, at
            if not ended.reached:
                break
    assert at > 10


async def test_cancelled_everywhere() -> None:
    """Cancelled at any step, the block leaves no cursor and no lease behind (G5, G8)."""
    with counting() as steps:
        for kind in kinds():
            at = 0
            for at in itertools.count():
                cursors = Cursors()
                client = cursors.server.client()

                async def use(client: Redis[bytes] = client) -> None:
                    async with client, client.ft.aggregate_iter("i", "*") as rows:
                        assert await anext(rows) == ALL[0]
                        assert [row async for row in rows][:4] == ALL[1:5]
                        async with client.ft.aggregate_iter("i", "*") as others:
                            await anext(others)

                ended = await steps.run(use, kind, at)
                assert cursors.open == {}, (kind, at)
                assert client.connection_pool.leased == 0
                if not ended.reached:
                    break
            assert at > 10


async def test_leaving_a_cancelled_block(cursors: Cursors, client: Redis[bytes]) -> None:
    """It waits until the cursor is closed, although the task is cancelled (G8)."""
    with anyio.CancelScope() as scope:
        async with client.ft.aggregate_iter("i", "*"):
            assert len(cursors.open) == 1
            scope.cancel()
    assert cursors.open == {}


async def test_a_refused_query(cursors: Cursors, client: Redis[bytes]) -> None:
    """Entering the block raises the error, which shows the query."""
    cursors.server.on("FT.AGGREGATE", ResponseError("Syntax error at offset 1"))
    with pytest.raises(SearchQueryError, match="the query is '@'"):
        async with client.ft.aggregate_iter("i", "@"):
            raise AssertionError
    assert client.connection_pool.leased == 0


async def test_a_page_that_fails(cursors: Cursors, client: Redis[bytes]) -> None:
    """Its error is raised, and again: the rows of that page are not skipped (G10, G11)."""
    async with client.ft.aggregate_iter("i", "*") as rows:
        cursors.server.on("FT.CURSOR", ResponseError("Cursor not found"), times=1)
        assert [await anext(rows) for _ in range(PAGE)] == ALL[:PAGE]
        for _ in range(2):
            with pytest.raises(ResponseError, match="Cursor not found"):
                await anext(rows)
        assert len(cursors.open) == 1
    assert cursors.open == {}


async def test_a_page_whose_reply_is_lost(cursors: Cursors, client: Redis[bytes]) -> None:
    """It is not asked for again, because the cursor has moved on (G11)."""

    def reset(peer: FakePeer, words: Words) -> Answer:
        cursors.cursor(peer, words)
        peer.reset()
        return NOTHING

    async with client.ft.aggregate_iter("i", "*") as rows:
        cursors.server.on("FT.CURSOR", reset, times=1)
        assert [await anext(rows) for _ in range(PAGE)] == ALL[:PAGE]
        with pytest.raises(ConnectionError):
            await anext(rows)
    assert cursors.server.count("FT.CURSOR") == 2  # READ, DEL
    assert cursors.open == {}


async def test_a_server_that_does_not_close(
    cursors: Cursors, client: Redis[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Leaving raises no error of the server, and logs it."""
    async with client.ft.aggregate_iter("i", "*"):
        cursors.server.on("FT.CURSOR", ResponseError("Cursor does not exist"))
        caplog.set_level(logging.INFO, "anyredis")
    assert "a cursor was not closed: Cursor does not exist" in caplog.text


async def test_a_server_that_is_silent(
    cursors: Cursors, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving is bounded (G8)."""
    monkeypatch.setattr("anyredis.client.server_cursor.LEAVE_TIMEOUT", 0.05)
    async with cursors.server.client() as client:
        async with client.ft.aggregate_iter("i", "*"):
            cursors.server.on("FT.CURSOR", silent)
        assert "a cursor was not closed within 0.05 s of leaving" in caplog.text


async def test_the_client_ends_first(cursors: Cursors) -> None:
    """Its rows then raise, whoever waits for them; leaving does not."""
    async with cursors.server.client() as client:
        rows = client.ft.aggregate_iter("i", "*")
        entered = await rows.__aenter__()
        cursors.server.on("FT.CURSOR", silent)
        assert [await anext(entered) for _ in range(PAGE)] == ALL[:PAGE]
        async with anyio.create_task_group() as group:

            async def read() -> None:
                with pytest.raises(ConnectionError, match="the pool was left"):
                    await anext(entered)

            group.start_soon(read)
            await cursors.server.wait_for("FT.CURSOR")
            await client.aclose()
        with pytest.raises(ConnectionError):
            await anext(entered)
        await rows.__aexit__(None, None, None)


async def test_a_block_is_used_once(client: Redis[bytes]) -> None:
    """It cannot be entered again, and its rows end with it."""
    rows = cast("ServerCursor[dict[bytes, object]]", client.ft.aggregate_iter("i", "*"))
    with pytest.raises(RuntimeError, match="are not open: use them inside `async with"):
        await anext(rows)
    async with rows:
        assert repr(rows) == "<ServerCursor open, cursor 1, 2 rows here>"
    with pytest.raises(RuntimeError, match="are not open"):
        await anext(rows)
    await rows.aclose()
    with pytest.raises(RuntimeError, match="make others for another block"):
        await rows.__aenter__()


async def test_a_client_that_is_not_open(cursors: Cursors) -> None:
    """Entering says so."""
    with pytest.raises(RuntimeError, match="is not open"):
        async with cursors.server.client().ft.aggregate_iter("i", "*"):
            raise AssertionError


async def test_sessions_have_none(client: Redis[bytes]) -> None:
    """The pages of a cursor come over any connection."""
    async with client.session() as session:
        with pytest.raises(DataTypeError, match="use it on the client"):
            session.ft.aggregate_iter("i", "*")
