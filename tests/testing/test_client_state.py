"""Tests of `anyredis.testing.client_state`; that commands change it as in real servers: `test_memory.py`."""

from __future__ import annotations

from anyredis.testing import ClientState


def test_a_new_client() -> None:
    """It speaks RESP2 to database 0, is not logged in, and is in no transaction."""
    client = ClientState(7)
    assert (client.id, client.protocol, client.db, client.user) == (7, 2, 0, None)
    assert client.queue is None
    assert not client.blocked


def test_leaving_a_transaction() -> None:
    """The commands after MULTI, their errors and the watched keys are forgotten, nothing else."""
    client = ClientState(7, protocol=3, db=1, queue=[(b"GET", b"k")], watched={(1, b"k"): 4})
    client.dirty = True
    client.leave_transaction()
    assert (client.queue, client.watched, client.dirty) == (None, {}, False)
    assert (client.protocol, client.db) == (3, 1)


def test_states_share_nothing() -> None:
    """What one client watches and says of its library is its own."""
    one, other = ClientState(1), ClientState(2)
    one.watched[0, b"k"] = 1
    one.library[b"LIB-NAME"] = b"anyredis"
    assert (other.watched, other.library) == ({}, {})
